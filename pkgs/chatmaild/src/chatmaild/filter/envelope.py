"""Who writes to whom: the paths of MAIL and RCPT as values (RFC 5321 section 4.1.2).

Postfix says how it resolved a path (macros `{mail_addr}` and `{rcpt_addr}`), and that is what it
delivers to. Our own reading of what the client wrote must come to the same value; a path that two
readers understand differently is nobody's.
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
# most mailboxes are this
_COMMON_MAILBOX: Final = re.compile(r"([0-9A-Za-z._-]+)@([0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)*)")


class RemoteMailbox(NamedTuple):
    """A mailbox elsewhere, unquoted and in lower case."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


Mailbox = Address | RemoteMailbox


class Recipient(NamedTuple):
    """A recipient; `resolved` is how Postfix spells it, and how it is taken away."""

    mailbox: Mailbox
    resolved: str


def read_mailbox(text: str, mail_domain: str) -> Mailbox | None:
    """Read a mailbox: an `Address` where it is one of this relay, None where it is none at all.

    Quotes and escapes are undone: `"alice"@chat.example.org` is the address of Alice.
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
    """Read the argument of MAIL or RCPT; None where it is none, or the null sender.

    Angle brackets may be missing, as Postfix has it; `Postmaster` alone is the one of this relay
    (RFC 5321 section 4.5.1).
    """
    text = _decoded(path)
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    if text.lower() == "postmaster":
        text = f"{text}@{mail_domain}"
    route = _ROUTE.match(text)
    return read_mailbox(text[route.end() :] if route else text, mail_domain)


def read_resolved_path(path: bytes, resolved: bytes, mail_domain: str) -> Recipient | None:
    """Return the mailbox that a path names for us and for Postfix alike, None where there is none.

    `resolved` is `{mail_addr}` or `{rcpt_addr}`: quoted where needed, without brackets.
    """
    text = _decoded(resolved)
    theirs = read_mailbox(text, mail_domain)
    is_same = path == b"<%b>" % resolved  # which spares a second reading
    ours = theirs if is_same else read_path(path, mail_domain)
    return Recipient(ours, text) if ours is not None and ours == theirs else None


def _decoded(text: bytes) -> str:
    """Return the text, an empty one where it is not UTF-8 (RFC 6531 section 3.3)."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return ""
