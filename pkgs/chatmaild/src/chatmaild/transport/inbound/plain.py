"""Recognise messages that Postfix would hand to Dovecot as they are, but for some header fields.

Postfix repairs what it takes in: bare CR and LF, blanks before a colon, fields that never travel.
A message that needs any of it, or may, is not plain, and goes through Postfix.
"""

import re
from dataclasses import dataclass
from typing import Final

# some 16 KB have the key of the sender; the filter hashes headers of more than 64 KiB in a thread
_MAX_HEADER_BYTES: Final = 32_768
# ASCII alone. A folded line has a character: Postfix and readers disagree about empty ones.
_FIELD: Final = re.compile(rb"([!-9;-~]+):([\t -~]*\r\n(?:[\t ]+[!-~][\t -~]*\r\n)*)")
# those that Postfix drops (message_drop_headers in postconf(5)); the filter must see the same
_DROPPED: Final = frozenset({b"bcc", b"content-length", b"resent-bcc", b"return-path"})
# those that no recipient needs: lmtp_header_checks in modules/chatmail/postfix/main.nix
_NOT_DELIVERED: Final = frozenset({b"received", b"dkim-signature", b"authentication-results"})
# Postfix returns mail with more than 50 (hopcount_limit)
_MAX_RECEIVED: Final = 20

Field = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainMessage:
    """A message with a header of ASCII and CRLF at the end of each line.

    Attributes:
        fields: names, and values from behind the colon, without the CRLF at their end.
        delivered: what Dovecot gets.
    """

    fields: tuple[Field, ...]
    body: bytes
    delivered: bytes


def plain(content: bytes) -> PlainMessage | None:
    """Return the message in its parts, or None if it must go through Postfix."""
    head, end, body = content.partition(b"\r\n\r\n")
    if not end or len(head) > _MAX_HEADER_BYTES or not _has_whole_lines(content):
        return None
    fields: list[Field] = []
    delivered: list[bytes] = []
    head += b"\r\n"
    at = received = 0
    while at < len(head):
        found = _FIELD.match(head, at)
        if found is None:
            return None
        name = found[1].lower()
        received += name == b"received"
        if name in _DROPPED:
            return None
        fields.append((found[1], found[2][:-2]))
        if name not in _NOT_DELIVERED:
            delivered.append(found[0])
        at = found.end()
    if received > _MAX_RECEIVED:
        return None
    return PlainMessage(
        fields=tuple(fields), body=body, delivered=b"".join((*delivered, b"\r\n", body))
    )


def _has_whole_lines(content: bytes) -> bool:
    """Whether every CR and LF is part of a CRLF, the last line has one, and there is no NUL."""
    lines = content.count(b"\r\n")
    is_whole = content.count(b"\r") == lines == content.count(b"\n")
    return is_whole and content.endswith(b"\r\n") and b"\0" not in content
