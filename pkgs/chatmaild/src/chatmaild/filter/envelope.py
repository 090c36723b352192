"""Paths of MAIL and RCPT, parsed into mailboxes (RFC 5321 section 4.1.2).

Postfix passes the client's path and its own result (macros `{mail_addr}` and `{rcpt_addr}`), to
which it delivers. Both must parse to the same mailbox; otherwise the path is refused.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from chatmaild.address import Address, address_or_none

_LIMIT: Final = 1024  # characters; RFC 5321 section 4.5.3.1.3 allows 256
_ATEXT: Final = r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~.\-\u0080-\U0010ffff]"
_LOCAL: Final = rf'(?:(?P<atom>{_ATEXT}+)|"(?P<quoted>(?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*)")'
_LABELS: Final = r"[0-9A-Za-z_\-\u0080-\U0010ffff]+(?:\.[0-9A-Za-z_\-\u0080-\U0010ffff]+)*"
_DOMAIN: Final = rf"(?P<domain>{_LABELS}|\[[!-Z^-~]+\])"
_MAILBOX: Final = re.compile(rf"{_LOCAL}@{_DOMAIN}")
# `@a.example,@b.example:` before the mailbox, to be ignored (RFC 5321 appendix C)
_ROUTE: Final = re.compile(rf"@{_LABELS}(?:,@{_LABELS})*:")
_ESCAPED: Final = re.compile(r"\\(.)")
# the form of most mailboxes; spares the full pattern
_COMMON_MAILBOX: Final = re.compile(r"([0-9A-Za-z._-]+)@([0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)*)")


class RemoteMailbox(NamedTuple):
    """A mailbox on another server, unquoted and in lower case."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


Mailbox = Address | RemoteMailbox


class Recipient(NamedTuple):
    """A recipient; `resolved` is the form of Postfix, which removes the recipient by it."""

    mailbox: Mailbox
    resolved: str


def read_mailbox(text: str, mail_domain: str) -> Mailbox | None:
    """Parse a mailbox: an `Address` in our domain, a `RemoteMailbox` elsewhere, None if malformed.

    Quotes and escapes are removed: `"alice"@chat.example.org` is `alice@chat.example.org`.
    """
    usual = _COMMON_MAILBOX.fullmatch(text)
    if usual is not None:
        local, domain = usual[1].lower(), usual[2].lower()
    else:
        found = _MAILBOX.fullmatch(text) if len(text) <= _LIMIT else None
        if found is None:
            return None
        atom, quoted = found["atom"], found["quoted"]
        local = (atom if quoted is None else _ESCAPED.sub(r"\1", quoted)).lower()
        domain = found["domain"].lower()
    if domain != mail_domain:
        return RemoteMailbox(local, domain)
    return address_or_none(f"{local}@{domain}")


def read_path(path: bytes, mail_domain: str) -> Mailbox | None:
    """Parse the path of MAIL or RCPT; None if it is malformed or the null sender.

    Angle brackets are optional, as in Postfix. `Postmaster` without a domain is the postmaster of
    this relay (RFC 5321 section 4.5.1).
    """
    text = _decoded(path)
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    if text.lower() == "postmaster":
        text = f"{text}@{mail_domain}"
    route = _ROUTE.match(text)
    return read_mailbox(text[route.end() :] if route else text, mail_domain)


def read_resolved_path(path: bytes, resolved: bytes, mail_domain: str) -> Recipient | None:
    """Parse a path; None unless our result and that of Postfix are the same mailbox.

    `resolved` is `{mail_addr}` or `{rcpt_addr}`: quoted if necessary, without angle brackets.
    """
    text = _decoded(resolved)
    theirs = read_mailbox(text, mail_domain)
    is_same = path == b"<%b>" % resolved  # then one parse is enough
    ours = theirs if is_same else read_path(path, mail_domain)
    return Recipient(ours, text) if ours is not None and ours == theirs else None


def _decoded(text: bytes) -> str:
    """Decode the text; empty if it is not UTF-8 (RFC 6531 section 3.3)."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return ""
