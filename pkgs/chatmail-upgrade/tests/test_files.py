"""Files that survive a power failure."""

from pathlib import Path

from chatmail_upgrade.files import write_atomically


def test_a_file_is_replaced(tmp_path: Path) -> None:
    """Its directory is made; no draft is left."""
    path = tmp_path / "new" / "file"
    write_atomically(path, "old")
    write_atomically(path, "new", mode=0o600)

    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_the_draft_of_an_interrupted_write_is_no_obstacle(tmp_path: Path) -> None:
    """The next write removes it."""
    (tmp_path / ".file.new").write_text("half")
    write_atomically(tmp_path / "file", "whole")

    assert (tmp_path / "file").read_text() == "whole"
    assert not (tmp_path / ".file.new").exists()
