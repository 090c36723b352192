"""A file of the operator is read at once when it was replaced, and never guessed."""

import logging
import os
from pathlib import Path
from typing import Any

import pytest

from chatmaild.errors import DecisionError
from chatmaild.store.decisions import document


def number(content: Any) -> int:
    """A whole number."""
    if type(content) is not int:
        raise ValueError("must be a number")
    return content


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file, which does not exist yet."""
    return tmp_path / "number.json"


def test_a_new_file_counts_at_once(path: Path) -> None:
    """Also one of the same size and time, and its end."""
    found = document.Document(path, number, 0)
    values = [found.current()]
    for value in (1, 2, 3):
        document.write(path, value)
        os.utime(path, ns=(1, 1))
        values.append(found.current())
    path.unlink()

    assert [*values, found.current()] == [0, 1, 2, 3, 0]


def test_it_is_parsed_once(path: Path) -> None:
    """Until it changes: the filter looks at it for each message."""
    parsed: list[Any] = []
    found = document.Document(path, parsed.append, None)
    document.write(path, 1)
    for _ in range(3):
        found.current()

    assert parsed == [1]


@pytest.mark.parametrize("content", ["", "{", '"text"', "\ud800", "[" * 100_000])
def test_a_file_that_cannot_be_used_is_an_error(
    content: str, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each time, with one line in the log, until it is repaired."""
    found = document.Document(path, number, 0)
    document.write(path, 1)
    assert found.current() == 1
    path.write_bytes(content.encode(errors="surrogatepass"))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(DecisionError, match="json cannot be used"):
                found.current()

    assert len(caplog.records) == 1
    document.write(path, 12)
    assert found.current() == 12


def test_a_link_to_nothing_is_an_error(path: Path) -> None:
    """For example where the operator's own file is not there yet: its decision is unknown."""
    path.symlink_to(path.parent / "elsewhere.json")
    found = document.Document(path, number, 0)
    with pytest.raises(DecisionError, match="No such file"):
        found.current()

    (path.parent / "elsewhere.json").write_text("1")
    assert found.current() == 1


def test_without_its_directory_nothing_is_known(path: Path) -> None:
    """For example where a file system is not mounted."""
    found = document.Document(path.parent / "gone" / path.name, number, 0)

    with pytest.raises(DecisionError, match="No such file"):
        found.current()


def test_every_service_may_read_it(path: Path) -> None:
    """Whatever the umask of the operator's shell is."""
    mask = os.umask(0o077)
    try:
        document.write(path, 1)
    finally:
        os.umask(mask)

    assert path.stat().st_mode & 0o777 == 0o644
