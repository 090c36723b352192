"""Header clean-up: remove every header field that recipients do not need (rules O10 and I9).

`ALLOWED_FIELDS` lists what stays. A header is clear text even if the body is encrypted, and
clients write private data into it.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from chatmaild.filter.mime.headers import Header

SUBJECT: Final = b" [...]"
_MIME_VERSION: Final = b" 1.0"
# Fields that stay once, with this value. The encrypted part has the real subject.
# Apple Mail writes its name and release into a comment of MIME-Version.
_CONSTANTS: Final = {b"subject": SUBJECT, b"mime-version": _MIME_VERSION}

ALLOWED_FIELDS: Final = frozenset(
    name.encode()
    for names in (
        # author, recipients, date, thread (RFC 5322 sections 3.6.1 to 3.6.4); never Bcc
        "from sender reply-to to cc date message-id in-reply-to references",
        "mail-followup-to mail-reply-to",  # Mutt, Gnus: where to send replies
        # MIME (RFC 2045, RFC 2183), without Content-Description: it is free text
        "subject mime-version content-type content-transfer-encoding content-disposition",
        "content-id content-language",
        # keys (Autocrypt 1.1), and their location: Enigmail, Gnus
        "autocrypt autocrypt-gossip autocrypt-setup-message openpgp",
        # automatic messages (RFC 3834): bots, receipts
        "auto-submitted",
        # requests without free text: Thunderbird, KMail, Outlook (RFC 8098, RFC 2156)
        "disposition-notification-to return-receipt-to importance priority x-priority",
        # Delta Chat core, outside of the encryption; the last three in secure joins or old versions
        "chat-version chat-is-post-message chat-is-full-message",
        "chat-disposition-notification-to chat-verified ephemeral-timer",
        # secure join, which may be in clear text
        "secure-join secure-join-invitenumber secure-join-auth secure-join-fingerprint",
        "secure-join-group",
    )
    for name in names.split()
)
# MTAs count Received fields to detect loops; delivery removes them
_ALLOWED_INCOMING: Final = ALLOWED_FIELDS | {b"received"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of one header field, in the terms of the milter protocol.

    Attributes:
        name: name of the header field, in any case.
        index: which of the fields with that name, from 1.
        value: the new value with its leading space; None removes the field.
    """

    name: bytes
    index: int
    value: bytes | None


def clean(headers: list[Header]) -> tuple[list[Header], list[Change]]:
    """The header that may leave this relay, and the changes that produce it (rule O10)."""
    return _keep_only(headers, ALLOWED_FIELDS)


def clean_secure_join(headers: list[Header]) -> list[Change]:
    """The changes for an incoming secure join in clear text (rule I9).

    Its body holds no free text (rule E2), so its header must not hold any. Apply them after DKIM
    verification.
    """
    return _keep_only(headers, _ALLOWED_INCOMING)[1]


def _keep_only(headers: list[Header], allowed: Set[bytes]) -> tuple[list[Header], list[Change]]:
    kept: list[Header] = []
    changes: list[Change] = []
    seen: dict[bytes, int] = {}
    for header in headers:
        name = header.name.lower()
        index = seen[name] = seen.get(name, 0) + 1
        constant = _CONSTANTS.get(name)
        if name not in allowed or (constant is not None and index > 1):
            changes.append(Change(name=header.name, index=index, value=None))
        elif constant is None or header.value == constant:
            kept.append(header)
        else:
            kept.append(Header(header.name, constant))
            changes.append(Change(name=header.name, index=index, value=constant))
    changes.reverse()  # last field first: a removal then shifts no index that follows
    return kept, changes
