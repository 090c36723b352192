"""What is taken out of the header of a message before it is signed and leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chatmaild.filter.headers import Header

SUBJECT: Final = b" [...]"
_REMOVED: Final = frozenset({b"received", b"x-originating-ip", b"x-mailer", b"user-agent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change: the ``index``-th field of that name (from 1); no value removes it.

    ``value`` begins with the blank behind the colon.
    """

    name: bytes
    index: int
    value: bytes | None


def clean(headers: list[Header]) -> tuple[list[Header], list[Change]]:
    """The header as it may leave, and the changes that lead there.

    Program names and addresses of the sender's machine go, and the subject becomes a constant: it
    stands inside of the encryption already.
    """
    kept: list[Header] = []
    changes: list[Change] = []
    seen: dict[bytes, int] = {}
    for header in headers:
        name = header.name.lower()
        index = seen[name] = seen.get(name, 0) + 1
        if name in _REMOVED or (name == b"subject" and index > 1):
            changes.append(Change(name=header.name, index=index, value=None))
        elif name == b"subject":
            kept.append(Header(header.name, SUBJECT))
            if header.value != SUBJECT:
                changes.append(Change(name=header.name, index=index, value=SUBJECT))
        else:
            kept.append(header)
    changes.reverse()  # from the last one up, so that a removal moves no index still to come
    return kept, changes
