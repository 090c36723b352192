"""Disk space: enough bytes and inodes for mail."""

from collections.abc import Sequence

from chatmaild.operator.selftest.report import Check, failed, ok
from chatmaild.settings import Settings
from chatmaild.store.space import Space, repair, shortage, spaces

NAME = "space"


def check(settings: Settings) -> Check:
    """Measure the file systems, and decide."""
    return judge(spaces(settings))


def judge(found: Sequence[Space]) -> Check:
    """Decide: no file system is nearly full."""
    if problem := shortage(found):
        return failed(NAME, problem, repair(found))
    return ok(NAME, ", ".join(str(space) for space in found))
