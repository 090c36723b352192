"""Verdicts on messages and recipients, with the exact SMTP replies (RFC 5321 section 4.2).

Delta Chat and other relays know these codes and texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """The message is accepted.

    Attributes:
        null_sender: replace the envelope sender by the null sender: bounces reach no stranger.
        as_report: accept it in clear text as a delivery report, with its rewritten body.
    """

    null_sender: bool = False
    as_report: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """The client gets a 250 reply and the message is dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """The client gets the reply `code text`; it retries after 4xx, and 5xx is permanent.

    `reason` is for the log and never holds an address.
    """

    code: int
    text: str
    reason: str


Verdict = Accept | Discard | Refuse

ACCEPTED: Final = Accept()
DISCARDED: Final = Discard()
NOT_ENCRYPTED: Final = Refuse(
    code=523, text="Encryption Needed: Invalid Unencrypted Mail", reason="not encrypted"
)
NO_SIGNATURE: Final = Refuse(
    code=554, text="5.7.1 No DKIM signature found", reason="no DKIM signature"
)
NO_VALID_SIGNATURE: Final = Refuse(
    code=554, text="5.7.1 No valid DKIM signature found", reason="no valid DKIM signature"
)
NOT_FROM_ITS_ADDRESS: Final = Refuse(
    code=554,
    text="5.7.1 Mail of a domain literal is taken from its own IP address only",
    reason="author at a domain literal, client elsewhere",
)
KEY_UNAVAILABLE: Final = Refuse(
    code=451,
    text="4.7.5 DKIM key cannot be looked up now, try again later",
    reason="DNS failed for a DKIM key",
)
OVERLOADED: Final = Refuse(
    code=451, text="4.3.2 Too many messages at once, try again later", reason="overloaded"
)
INTERNAL_ERROR: Final = Refuse(
    code=451, text="4.3.0 Internal error in mail filter, try again later", reason="internal error"
)
BAD_RECIPIENT: Final = Refuse(
    code=501, text="5.1.3 Bad recipient address syntax", reason="RCPT TO names no address"
)
UNKNOWN_RECIPIENT: Final = Refuse(
    code=550, text="5.1.1 Recipient address rejected: User unknown", reason="unknown recipient"
)
TOO_MANY_DOMAINS: Final = Refuse(
    code=452,
    text="4.5.3 Too many domains in one message, send it to the others separately",
    reason="too many domains in one message",
)
TOO_MANY_DOMAINS_NOW: Final = Refuse(
    code=450,
    text="4.7.1 Mail to too many domains, try again in a minute",
    reason="too many domains in a minute",
)
NOT_OWNER: Final = Refuse(
    code=553,
    text="5.7.1 Sender address rejected: not owned by the login",
    reason="MAIL FROM is not the login",
)
DOMAIN_BLOCKED: Final = Refuse(
    code=550,
    text="5.7.1 Mail to and from this domain is blocked by the operator of this relay",
    reason="domain blocked",
)
DOMAINS_UNREADABLE: Final = Refuse(
    code=451,
    text="4.3.5 The rules for domains cannot be read now, try again later",
    reason="rules for domains unreadable",
)
STORE_UNAVAILABLE: Final = Refuse(  # RFC 3463 section 3.5: directory server failure
    code=451,
    text="4.4.3 The mailbox cannot be looked up now, try again later",
    reason="a store does not answer",
)
HEADER_TOO_LARGE: Final = Refuse(
    code=500, text="Failed to parse message: header too large", reason="header too large"
)


def no_such_address(recipient: str) -> Refuse:
    """No recipient exists; the reply of Postfix at port 25."""
    text = f"5.1.1 <{recipient}>: Recipient address rejected: User unknown"
    return Refuse(code=550, text=text, reason="no recipient exists")


def all_domains_blocked(recipient: str) -> Refuse:
    """All recipients are at blocked domains."""
    text = f"5.7.1 <{recipient}>: {DOMAIN_BLOCKED.text.removeprefix('5.7.1 ')}"
    return Refuse(code=550, text=text, reason="domain blocked")


def mailbox_full(recipient: str) -> Refuse:
    """All mailboxes are full; the reply of Dovecot at delivery."""
    text = f"5.2.2 <{recipient}> Quota exceeded (mailbox for user is full)"
    return Refuse(code=552, text=text, reason="all mailboxes full")


def invalid_mail_from(sender: str) -> Refuse:
    """The argument of MAIL is not an address."""
    return Refuse(code=500, text=f"Invalid from address <{sender}>", reason="invalid MAIL FROM")


def too_much_mail(sender: str) -> Refuse:
    """The sender is above the rate limit."""
    text = f"4.7.1: Too much mail from <{sender}>, try again in a minute"
    return Refuse(code=450, text=text, reason="rate limit")


def invalid_from_header(problem: str) -> Refuse:
    """The From field is malformed; `problem` says how."""
    return Refuse(code=500, text=f"Invalid FROM header: {problem}", reason="invalid From header")


def forged_from(author: str, sender: str) -> Refuse:
    """The author in From is not the envelope sender."""
    text = f"Invalid FROM <{author}> for <{sender}>"
    return Refuse(code=500, text=text, reason="From differs from MAIL FROM")
