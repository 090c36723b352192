"""Folders, messages and flags in both formats: sdbox with its IMAP names, and maildir."""

import hashlib
import re
from collections.abc import Collection, Sequence
from typing import Final

from chatmaild.store.mail import sdbox
from chatmaild.store.mail.dbox import Stored

INBOX: Final = "INBOX"
_MAILDIR_SEPARATOR: Final = "."
# as upstream/mailbox.py takes it, with the time at its start that Dovecot writes
_MAILDIR_NAME: Final = re.compile(r"[0-9]{1,11}\.[!-.0-9;-~]{1,180}")
_PLAIN: Final = re.compile(r"[!-.0-9;-~]{1,100}")
# P, a message that was passed on, is no flag in IMAP
_FLAGS: Final = {"D": r"\Draft", "F": r"\Flagged", "R": r"\Answered", "S": r"\Seen"}
_LETTERS: Final = {flag: letter for letter, flag in _FLAGS.items()}
_MOST_KEYWORDS: Final = 26


def imap_name(folder: str) -> str:
    """The IMAP name of a folder's directory in a maildir, which is empty for INBOX."""
    return sdbox.decoded(folder[1:].replace(_MAILDIR_SEPARATOR, "/")) if folder else INBOX


def maildir_folder(names: Sequence[str]) -> str:
    """The directory in a maildir of a folder whose directories below `mailboxes` have these names.

    A dot separates folders there, so one in a name becomes `_`.
    """
    if list(names) == [INBOX]:
        return ""
    return "".join(f".{name.replace(_MAILDIR_SEPARATOR, '_')}" for name in names)


def maildir_name(stored: Stored, stored_s: float) -> str:
    """The name of a message in a maildir, without flags: the same in each export."""
    name = stored.identity
    if not _MAILDIR_NAME.fullmatch(name):
        plain = name if _PLAIN.fullmatch(name) else hashlib.sha256(name.encode()).hexdigest()
        name = f"{int(stored_s)}.G{plain}.chatmail"
    kept = [part for part in name.split(",") if not part.startswith(("S=", "W="))]
    return ",".join([*kept, f"S={stored.size_bytes}", f"W={stored.virtual_bytes}"])


def imap_flags(letters: str, keywords: bytes | None) -> frozenset[str]:
    """Flags and keywords, of the letters in the name of a message."""
    meanings = dict(_FLAGS)
    for line in (keywords or b"").decode("ascii", "replace").splitlines():
        number, _, keyword = line.partition(" ")
        if keyword.isprintable() and keyword and number.isdigit() and int(number) < _MOST_KEYWORDS:
            meanings[chr(ord("a") + int(number))] = keyword
    return frozenset(meanings[letter] for letter in letters if letter in meanings)


class Keywords:
    """The letters of a folder's keywords, and the list of them for Dovecot."""

    def __init__(self) -> None:
        self._known: list[str] = []

    def letters(self, flags: Collection[str]) -> str:
        """The letters for the name of a message; more than 26 keywords have none."""
        found = [_LETTERS[flag] for flag in flags if flag in _LETTERS]
        for keyword in sorted(flag for flag in flags if not flag.startswith("\\")):
            if keyword not in self._known:
                if len(self._known) == _MOST_KEYWORDS:
                    continue
                self._known.append(keyword)
            found.append(chr(ord("a") + self._known.index(keyword)))
        return "".join(sorted(found))

    def text(self) -> bytes:
        """The file `dovecot-keywords`; empty without keywords."""
        return "".join(f"{n} {name}\n" for n, name in enumerate(self._known)).encode("ascii")
