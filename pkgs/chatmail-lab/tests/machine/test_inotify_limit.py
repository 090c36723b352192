"""The kernel's limit of inotify instances is raised while labs exist."""

from pathlib import Path

import pytest

from chatmail_lab.machine import inotify_limit


@pytest.fixture
def limit(tmp_path: Path) -> Path:
    """A limit at the kernel's default."""
    path = tmp_path / "limit"
    path.write_text("128\n")
    return path


@pytest.fixture
def labs(tmp_path: Path) -> Path:
    """The directory of all labs."""
    path = tmp_path / "labs"
    path.mkdir()
    return path


def test_it_is_restored_after_the_last_lab(limit: Path, labs: Path) -> None:
    """The machine has its old limit again."""
    inotify_limit.raise_limit(labs, limit=limit)
    raised = limit.read_text()

    inotify_limit.restore_limit(labs, limit=limit)

    assert raised == f"{inotify_limit.NEEDED}\n"
    assert limit.read_text() == "128\n"
    assert not list(labs.iterdir())


def test_it_stays_while_another_lab_is_there(limit: Path, labs: Path) -> None:
    """The first lab that ends must not lower the limit of the second."""
    inotify_limit.raise_limit(labs, limit=limit)
    (labs / "other").mkdir()

    inotify_limit.restore_limit(labs, limit=limit)

    assert limit.read_text() == f"{inotify_limit.NEEDED}\n"


def test_the_first_lab_saves_the_old_limit(limit: Path, labs: Path) -> None:
    """A second lab must not save the raised limit."""
    inotify_limit.raise_limit(labs, limit=limit)
    inotify_limit.raise_limit(labs, limit=limit)

    inotify_limit.restore_limit(labs, limit=limit)

    assert limit.read_text() == "128\n"


def test_a_higher_limit_of_the_machine_is_left_alone(limit: Path, labs: Path) -> None:
    """An administrator may have raised it permanently."""
    limit.write_text("100000\n")

    inotify_limit.raise_limit(labs, limit=limit)
    inotify_limit.restore_limit(labs, limit=limit)

    assert limit.read_text() == "100000\n"
