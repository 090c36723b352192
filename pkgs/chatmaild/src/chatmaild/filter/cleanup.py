"""What is taken out of the header of a message: before it is signed and leaves, or as it comes.

What is not in `LEAVES` is removed. A header is clear text, however well the body is encrypted, and
clients put into it what their people would never write on an envelope.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from chatmaild.filter.mime.headers import Header

SUBJECT: Final = b" [...]"
_MIME_VERSION: Final = b" 1.0"
# Fields that stay once, with this value: the subject stands inside of the encryption already, and
# Apple Mail names itself and its release in a comment of the version.
_CONSTANTS: Final = {b"subject": SUBJECT, b"mime-version": _MIME_VERSION}

LEAVES: Final = frozenset(
    name.encode()
    for names in (
        # who writes to whom, and when (RFC 5322 sections 3.6.1 to 3.6.4); never Bcc
        "from sender reply-to to cc date message-id in-reply-to references",
        "mail-followup-to mail-reply-to",  # Mutt, Gnus: where answers to a group go
        # how to read it (RFC 2045, RFC 2183); Content-Description is free text
        "subject mime-version content-type content-transfer-encoding content-disposition",
        "content-id content-language",
        # keys (Autocrypt 1.1), and where to find them: Enigmail, Gnus
        "autocrypt autocrypt-gossip autocrypt-setup-message openpgp",
        # that no person wrote it (RFC 3834): bots, receipts
        "auto-submitted",
        # wishes without words: Thunderbird, KMail, Outlook (RFC 8098; RFC 2156)
        "disposition-notification-to return-receipt-to importance priority x-priority",
        # Delta Chat core, outside of the encryption; the last three with a secure join, or formerly
        "chat-version chat-is-post-message chat-is-full-message",
        "chat-disposition-notification-to chat-verified ephemeral-timer",
        # a secure join, which may be clear
        "secure-join secure-join-invitenumber secure-join-auth secure-join-fingerprint",
        "secure-join-group",
    )
    for name in names.split()
)
# servers on the way count these fields and end a loop; delivery removes them
_ARRIVES: Final = LEAVES | {b"received"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change: the ``index``-th field of that name (from 1); no value removes it.

    ``value`` begins with the blank behind the colon.
    """

    name: bytes
    index: int
    value: bytes | None


def clean(headers: list[Header]) -> tuple[list[Header], list[Change]]:
    """The header as it may leave, and the changes that lead there."""
    return _reduce(headers, LEAVES)


def clean_secure_join(headers: list[Header]) -> list[Change]:
    """What to change in a secure join that comes in clear, after its signature was verified.

    Its body says nothing but the step, so its header must say nothing either.
    """
    return _reduce(headers, _ARRIVES)[1]


def _reduce(headers: list[Header], stays: Set[bytes]) -> tuple[list[Header], list[Change]]:
    kept: list[Header] = []
    changes: list[Change] = []
    seen: dict[bytes, int] = {}
    for header in headers:
        name = header.name.lower()
        index = seen[name] = seen.get(name, 0) + 1
        constant = _CONSTANTS.get(name)
        if name not in stays or (constant is not None and index > 1):
            changes.append(Change(name=header.name, index=index, value=None))
        elif constant is None or header.value == constant:
            kept.append(header)
        else:
            kept.append(Header(header.name, constant))
            changes.append(Change(name=header.name, index=index, value=constant))
    changes.reverse()  # from the last one up, so that a removal moves no index still to come
    return kept, changes
