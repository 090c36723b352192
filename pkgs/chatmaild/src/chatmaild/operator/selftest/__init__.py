"""`chatmail selftest`: the relay tries itself out, as a person with a phone would.

Two addresses are made for it and deleted afterwards. It decides whether an upgrade stays, so a
check fails only for what is wrong on this machine; what others may cause is a warning.
"""

from chatmaild.operator.selftest.report import as_json, as_text, is_healthy, write
from chatmaild.operator.selftest.run import run

__all__ = ["as_json", "as_text", "is_healthy", "run", "write"]
