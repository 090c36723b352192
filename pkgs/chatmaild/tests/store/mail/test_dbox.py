"""Message files as Dovecot 2.4 writes them."""

import pathlib

import pytest

from chatmaild.store.mail import dbox
from chatmaild.store.mail.dbox import Stored

FILE = (
    b"2 M1e C692af0d5\n\1\2N          000000000000000C\nSubject: x\n\n"
    b"\n\1\3\nR692af0d4\nVe\nG1764421844.M1P2.host,S=12,W=14\nBINBOX\n\n"
)


def test_a_file_is_read(tmp_path: pathlib.Path) -> None:
    """Where the message is, its time, and its identity."""
    path = tmp_path / "u.1"
    path.write_bytes(FILE)
    stored = dbox.read_file(str(path))

    assert stored == Stored(
        identity="1764421844.M1P2.host,S=12,W=14",
        offset=46,
        size_bytes=12,
        virtual_bytes=14,
        received_s=0x692AF0D4,
    )
    assert FILE[46:58] == b"Subject: x\n\n"


@pytest.mark.parametrize(
    "content",
    [b"", FILE[:20], FILE[:70], FILE[:-1], FILE.replace(b"\nG", b"\nX"), b"x" * 900],
)
def test_damage_is_noticed(tmp_path: pathlib.Path, content: bytes) -> None:
    """Also an end that is not there."""
    path = tmp_path / "u.1"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="message file"):
        dbox.read_file(str(path))


def test_a_link_is_not_followed(tmp_path: pathlib.Path) -> None:
    """It could lead to a file of another user."""
    (tmp_path / "u.1").symlink_to("other")
    with pytest.raises(OSError, match="symbolic"):
        dbox.read_file(str(tmp_path / "u.1"))
