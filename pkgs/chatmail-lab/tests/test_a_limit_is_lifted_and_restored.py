"""The kernel's limit of inotify instances, while labs are there."""

from pathlib import Path

import pytest

from chatmail_lab import limits


@pytest.fixture
def limit(tmp_path: Path) -> Path:
    """The kernel's file, at its default."""
    path = tmp_path / "limit"
    path.write_text("128\n")
    return path


@pytest.fixture
def labs(tmp_path: Path) -> Path:
    """Directory of all labs."""
    path = tmp_path / "labs"
    path.mkdir()
    return path


def test_it_is_restored_after_the_last_lab(limit: Path, labs: Path) -> None:
    """The machine is left as it was found."""
    limits.lift(labs, limit=limit)
    lifted = limit.read_text()

    limits.restore(labs, limit=limit)

    assert lifted == f"{limits.NEEDED}\n"
    assert limit.read_text() == "128\n"
    assert not list(labs.iterdir())


def test_it_stays_while_another_lab_is_there(limit: Path, labs: Path) -> None:
    """The first lab to end must not take the limit from the second."""
    limits.lift(labs, limit=limit)
    (labs / "other").mkdir()

    limits.restore(labs, limit=limit)

    assert limit.read_text() == f"{limits.NEEDED}\n"


def test_the_first_lab_remembers_for_all(limit: Path, labs: Path) -> None:
    """A second lab finds the limit lifted and must not take that for what it was."""
    limits.lift(labs, limit=limit)
    limits.lift(labs, limit=limit)

    limits.restore(labs, limit=limit)

    assert limit.read_text() == "128\n"


def test_a_higher_limit_of_the_machine_is_left_alone(limit: Path, labs: Path) -> None:
    """An administrator may have raised it for good."""
    limit.write_text("100000\n")

    limits.lift(labs, limit=limit)
    limits.restore(labs, limit=limit)

    assert limit.read_text() == "100000\n"
