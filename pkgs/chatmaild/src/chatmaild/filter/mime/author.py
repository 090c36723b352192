"""The author of a message: first address of its From field (RFC 5322 section 3.4)."""

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
# what stands between the parentheses of comments, with those that are quoted
_COMMENT_TEXT: Final = re.compile(r"(?:[^()\\]|\\.)*", re.DOTALL)
# comments in comments; nobody writes three
_DEPTH_LIMIT: Final = 50
# programs end a text at these, or begin a line
_BREAKS: Final = re.compile(rb"[\0\r\n]")
# most fields are this: one address and nothing else
_ALONE: Final = re.compile(rb"<([0-9A-Za-z._-]+@[0-9A-Za-z.-]+)>")
_GAP: Final = ("word", " ")  # between two words: together they are no address
_LIMIT: Final = 10_000  # octets of one From field; a longer one is no author


def author(value: bytes) -> str | None:
    """First address of an unfolded From field; None where the field is not well-formed.

    Fields that readers could understand in different ways count as malformed: text behind the
    angle brackets, two pairs of them, an address before them without quotation marks, source
    routes, control characters.
    """
    if len(value) > _LIMIT or _BREAKS.search(value):
        return None
    alone = _ALONE.fullmatch(value)
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
            words = []  # what came before is the name of a group
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
    """Where the comment ends that begins there, and may hold others; -1 where it does not."""
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
            return -1  # quotes nothing
    return -1


def _checked(address: str) -> str | None:
    address = address.strip(" ")
    return address if _ADDRESS.fullmatch(address) else None


def is_literal(domain: str) -> bool:
    """Whether a domain is an address in brackets (RFC 5321 section 4.1.3)."""
    return domain.startswith("[") and domain.endswith("]")


def proves(client: IpAddress | None, domain: str) -> bool:
    """Whether a client has the IP address that a domain literal names.

    Everything on this machine has a loopback address, the gateway of HTTPS too, so it proves
    nothing.
    """
    if client is None or client.is_loopback or not is_literal(domain):
        return False
    tag, text = "ipv6:", domain[1:-1].lower()
    if text.startswith(tag) != (":" in text.removeprefix(tag)):
        return False  # IPv6 has its tag (RFC 5321 section 4.1.3)
    return ip_address(text) == client


def ip_address(text: str) -> IpAddress | None:
    """An IP address, with or without the tag of a literal; None where it is none.

    IPv4 in the form of IPv6 is IPv4. An address with a scope is no address of the Internet.
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
