"""Disk space: enough bytes and inodes for mail."""

from collections.abc import Sequence

from chatmaild.operator.selftest.report import Check, failed, ok
from chatmaild.settings import Settings
from chatmaild.store.space import Space, shortage, spaces

NAME = "space"
REPAIR = (
    "make room: du -xh --max-depth=2 /var | sort -h | tail; a larger disk, or shorter retention.*"
)


def check(settings: Settings) -> Check:
    """Measure the file systems, and decide."""
    return judge(spaces(settings))


def judge(found: Sequence[Space]) -> Check:
    """Decide: no file system is nearly full."""
    if problem := shortage(found):
        return failed(NAME, problem, REPAIR)
    return ok(NAME, ", ".join(str(space) for space in found))
