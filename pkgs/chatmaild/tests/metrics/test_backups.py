"""The stored result of the last backup."""

import pathlib
import stat

import pytest

from chatmaild.metrics.backups import Last, path
from chatmaild.settings import Settings


def test_it_is_read_as_it_was_written(settings: Settings) -> None:
    """By every user, such as the collector."""
    last = Last(succeeded_s=7, failures=2, with_mail=True, duration_s=1.5, size_bytes=9)
    last.store(settings)

    assert Last.of(settings) == last
    assert stat.S_IMODE(path(settings).stat().st_mode) == 0o644


@pytest.mark.parametrize("text", ["", "[]", "{}", "3"])
def test_a_damaged_file_is_none(settings: Settings, text: str) -> None:
    """The next backup writes it again."""
    pathlib.Path(path(settings)).write_text(text)

    assert Last.of(settings) == Last()


def test_a_failure_keeps_the_success() -> None:
    """And counts."""
    last = Last(succeeded_s=7, failures=2).failed("no space")

    assert (last.succeeded_s, last.failures, last.problem) == (7, 3, "no space")
