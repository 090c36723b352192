"""Files are replaced atomically, by relative and absolute paths."""

import pathlib

import pytest

from chatmaild.store.files import write_atomically


@pytest.mark.parametrize("relative", [False, True])
def test_a_file_is_replaced(
    relative: bool, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With mode and time; no temporary file is left."""
    monkeypatch.chdir(tmp_path)
    path = pathlib.Path("report") if relative else tmp_path / "report"
    path.write_bytes(b"old")

    write_atomically(path, b"new", mode=0o640, modified_s=86400)

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_mtime == 86400
    assert [entry.name for entry in tmp_path.iterdir()] == ["report"]


def test_a_missing_directory_is_an_error(tmp_path: pathlib.Path) -> None:
    """No file is left."""
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "missing" / "report", b"new")

    assert list(tmp_path.iterdir()) == []
