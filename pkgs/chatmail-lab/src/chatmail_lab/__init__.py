"""Relays in containers: `Lab` starts, stops and looks into them."""

from chatmail_lab.errors import LabError
from chatmail_lab.lab import Lab

__all__ = ["Lab", "LabError"]
