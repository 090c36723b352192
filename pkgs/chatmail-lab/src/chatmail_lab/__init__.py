"""Relays in containers: `Lab` starts them, stops them and runs commands on them."""

from chatmail_lab.errors import LabError
from chatmail_lab.lab import Lab

__all__ = ["Lab", "LabError"]
