"""The author of a message: the first address in From (RFC 5322 section 3.4)."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_TOKEN: Final = re.compile(
    r'(?P<quoted>"(?:[^"\\]|\\.)*")'
    r'|(?P<angle><(?:"(?:[^"\\]|\\.)*"|[^<>"])*>)'
    r"|(?P<mark>[,;:])"
    r'|(?P<word>[^ \t"(),:;<>\\\x00-\x1f\x7f]+)'
    r"|(?P<blank>[ \t]+)"
)
_ADDRESS: Final = re.compile(
    r'(?:[^\s"(),:;<>@\\\[\]\x00-\x1f\x7f]+|"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*")'
    r"@(?:[^\s\"(),:;<>@\\\[\]\x00-\x1f\x7f]+|\[[^\s\[\]\\\x00-\x1f\x7f]+\])"
)
# comment text between two parentheses, with quoted pairs
_COMMENT_TEXT: Final = re.compile(r"(?:[^()\\]|\\.)*", re.DOTALL)
# nested comments; real mail has one or two levels
_DEPTH_LIMIT: Final = 50
# mail readers end a text or a line at these
_BREAKS: Final = re.compile(rb"[\0\r\n]")
# the form of most fields: one address in angle brackets
_SINGLE_ADDRESS: Final = re.compile(rb"<([0-9A-Za-z._-]+@[0-9A-Za-z.-]+)>")
_GAP: Final = ("word", " ")  # separates two words, which then form no address
_LIMIT: Final = 10_000  # bytes of one From field; a longer one is malformed


def author(value: bytes) -> str | None:
    """The first address of an unfolded From field; None if the field is malformed.

    Fields that mail readers interpret differently are malformed: text after the angle brackets,
    two pairs of them, an unquoted address before them, source routes, control characters.
    """
    if len(value) > _LIMIT or _BREAKS.search(value):
        return None
    alone = _SINGLE_ADDRESS.fullmatch(value)
    if alone is not None:
        return alone[1].decode()
    tokens = _tokens(value.decode("utf-8", "surrogateescape"))
    if tokens is None:
        return None
    words: list[str] = []
    angle: str | None = None
    phrase_has_at = False
    for kind, text in tokens:
        if kind == "mark" and text == ":" and angle is None:
            if phrase_has_at:
                return None
            words = []  # the words before ":" are a group name
        elif kind == "mark":
            break
        elif angle is not None:
            return None
        elif kind == "angle":
            if phrase_has_at:
                return None
            angle = text[1:-1].strip(" \t")
        else:
            words.append(text)
            phrase_has_at = phrase_has_at or (kind == "word" and "@" in text)
    return _checked(angle if angle is not None else "".join(words))


def _tokens(text: str) -> list[tuple[str, str]] | None:
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        kind, start = "comment", position
        if text[position] == "(":
            position = _comment_end(text, position)
        else:
            match = _TOKEN.match(text, position)
            kind = "" if match is None or match.lastgroup is None else match.lastgroup
            position = -1 if match is None else match.end()
        if position < 0 or not kind:
            return None
        if kind not in {"comment", "blank"}:
            tokens.append((kind, text[start:position]))
        elif tokens and tokens[-1] != _GAP and tokens[-1][0] == "word":
            tokens.append(_GAP)
    while tokens and tokens[-1] == _GAP:
        tokens.pop()
    return tokens


def _comment_end(text: str, position: int) -> int:
    """End of the comment that begins at `position`, with nested ones; -1 if it has no end."""
    depth = 0
    while position < len(text):
        depth += 1 if text[position] == "(" else -1
        position += 1
        if depth == 0:
            return position
        if depth > _DEPTH_LIMIT:
            return -1
        match = _COMMENT_TEXT.match(text, position)
        position = len(text) if match is None else match.end()
        if text[position : position + 1] == "\\":
            return -1  # a backslash at the end quotes nothing
    return -1


def _checked(address: str) -> str | None:
    address = address.strip(" ")
    return address if _ADDRESS.fullmatch(address) else None


def is_domain_literal(domain: str) -> bool:
    """Whether a domain is an IP address in brackets (RFC 5321 section 4.1.3)."""
    return domain.startswith("[") and domain.endswith("]")


def client_matches_literal(client: IpAddress | None, domain: str) -> bool:
    """Whether the client's IP address is the one in a domain literal.

    A loopback address never matches: every local process has it, the HTTPS ingress too.
    """
    if client is None or client.is_loopback or not is_domain_literal(domain):
        return False
    tag, text = "ipv6:", domain[1:-1].lower()
    if text.startswith(tag) != (":" in text.removeprefix(tag)):
        return False  # IPv6 literals need the tag (RFC 5321 section 4.1.3)
    return ip_address(text) == client


def ip_address(text: str) -> IpAddress | None:
    """Parse an IP address, with or without the tag `IPv6:`; None if it is malformed.

    An IPv4-mapped IPv6 address becomes IPv4. Scoped addresses are malformed.
    """
    try:
        address = ipaddress.ip_address(text.lower().removeprefix("ipv6:"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address
