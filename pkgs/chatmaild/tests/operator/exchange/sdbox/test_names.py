"""Folders, messages and flags in both formats."""

import pytest

from chatmaild.operator.exchange.sdbox.names import (
    Keywords,
    imap_flags,
    imap_name,
    maildir_folder,
    maildir_name,
)
from chatmaild.operator.exchange.upstream.mailbox import _NAME
from chatmaild.store.mail.dbox import Stored


def test_folders() -> None:
    """A dot separates folders in a maildir, a slash here."""
    assert [imap_name(name) for name in ("", ".Saved", ".A.B&AOQ-r")] == ["INBOX", "Saved", "A/Bär"]
    assert maildir_folder(["INBOX"]) == ""
    assert maildir_folder(["A", "B&AOQ-r", "v1.0"]) == ".A.B&AOQ-r.v1_0"
    assert maildir_folder(["INBOX", "x"]) == ".INBOX.x"


def test_flags() -> None:
    """Letters that mean nothing in IMAP are left out, and keywords without a name."""
    assert imap_flags("FPRSTab", b"0 $Forwarded\nx y\n99 far\n") == {
        r"\Flagged",
        r"\Answered",
        r"\Seen",
        "$Forwarded",
    }
    assert imap_flags("a", None) == frozenset()


def test_keywords_get_letters() -> None:
    """Each folder has its own; there are 26."""
    keywords = Keywords()
    assert keywords.letters([r"\Seen", r"\Recent", "$B", "$A"]) == "Sab"
    assert keywords.letters(["$B", r"\Draft"]) == "Db"
    assert keywords.text() == b"0 $A\n1 $B\n"
    keywords.letters([f"$K{number:02}" for number in range(30)])
    assert keywords.letters(["$K01", "$Z"]) == "d"
    assert keywords.text().count(b"\n") == 26


@pytest.mark.parametrize("identity", ["0f" * 16, "1.M1.x,S=1", "a/b:c d", "x" * 500, ""])
def test_every_name_can_be_imported(identity: str) -> None:
    """Also that of an identity which another program gave."""
    stored = Stored(identity=identity, offset=0, size_bytes=5, virtual_bytes=6, received_s=1)

    assert _NAME.fullmatch(maildir_name(stored, 5.5))
