"""Reasons of deferred mail in words; Postfix' own text often quotes addresses."""

import re
from typing import Final

# the first pattern that matches Postfix' text counts
_WORDS: Final = [
    (re.compile(pattern, re.IGNORECASE), words)
    for pattern, words in (
        ("not answered for a month", "no answer for a month"),
        (r"Host not found, try again|Name service error|No host to ask", "DNS has no answer"),
        ("Host or domain name not found", "the domain is not in DNS"),
        (r"certificate|not trusted|Cannot start TLS|TLS is required", "TLS fails"),
        ("greylist|postgrey|try again later.*grey", "greylisted: a later try is accepted"),
        (r"quota|mailbox.*full|over.?quota|\b[45]52[ -]", "the mailbox is full"),
        ("No host took the message", "neither HTTPS nor SMTP works"),
        (r"refused to talk to me", "the server refuses connections of this relay"),
        (r"said: 4", "the server refuses for now"),
        (r"Connection refused", "no server listens: connection refused"),
        (r"timed out", "no answer: timeout"),
        (r"No route to host|unreachable", "no route to the server"),
        (r"lost connection|Connection reset|Broken pipe", "the server breaks the connection"),
        (r"temporarily suspended", "not tried: another message failed just before"),
        (r"No space|insufficient|Queue file write", "this machine has no space left"),
        (r"unknown mail transport|mail transport unavailable|lookup error|table", "a service of"
         " this relay does not answer"),
    )
]  # fmt: skip
OTHER: Final = "another reason (--addresses shows it)"
NOT_TRIED: Final = "not tried yet"


def in_words(reason: str) -> str:
    """Return Postfix' reason in words, without addresses."""
    if not reason:
        return NOT_TRIED
    return next((words for pattern, words in _WORDS if pattern.search(reason)), OTHER)
