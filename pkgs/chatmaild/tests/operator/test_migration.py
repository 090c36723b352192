"""`chatmail address import`."""

import pathlib
import time

from chatmaild.address import parse_address
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.passwords import verify_password

from .conftest import Chatmail

ALICE = "alice1234@chat.example.org"
ACCOUNT = parse_address(ALICE)


def test_mailboxes_of_another_server_are_taken_over(
    chatmail: Chatmail, mailboxes: Mailboxes, tmp_path: pathlib.Path
) -> None:
    """With passwords, messages and markers; existing addresses stay, strangers are counted."""
    source = tmp_path / "other"
    old_hash = (
        "{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4O"
        "TLiBFdcbYEdFCoEOfaS35inz1"
    )
    here = parse_address("here12345@chat.example.org")
    for name in (ALICE, str(here), "x@other.example.org", "lost+found"):
        (source / name / "cur").mkdir(parents=True)
        (source / name / "password").write_text(old_hash)
    (source / ALICE / "cur" / "1700000000.M1P1.host,S=3:2,S").write_text("abc")
    (source / ALICE / "dovecot.index.cache").write_text("x")
    (source / "nobody123@chat.example.org").mkdir()
    mailboxes.create(here, "own", now_s=time.time())

    code, lines = chatmail("address", "import", str(source))

    assert code == 0
    assert (
        "imported 1 addresses; 1 existed and stayed as they were;"
        " 3 directories are no addresses of this relay" in lines
    )
    assert verify_password(b"Hello world!", mailboxes.password_hash(ACCOUNT) or "")
    assert mailboxes.password_hash(here) == "own"
    assert sorted(p.name for p in mailboxes.path(ACCOUNT).rglob("*")) == [
        "1700000000.M1P1.host,S=3:2,S",
        "cur",
        "password",
    ]
    assert mailboxes.path(ACCOUNT).stat().st_mode & 0o777 == 0o710
    assert chatmail("address", "import", str(tmp_path / "nothing"))[0] == 1
