"""Mail between two addresses of this relay, as clients send and fetch it."""

import time
from typing import Final

import aiosmtplib

from chatmaild.operator.selftest.mailing import (
    encrypted_message,
    fetch_armour,
    imap_session,
    plain_message,
    random_armour,
    smtp_session,
)
from chatmaild.operator.selftest.people import Person
from chatmaild.operator.selftest.report import Check, failed, ok
from chatmaild.settings import Settings

LOGIN: Final = "login"
PLAIN: Final = "plain-text"
MESSAGE: Final = "message"
# clients recognise the refusal by this code
ENCRYPTION_NEEDED: Final = 523
FILTER: Final = "systemctl restart chatmail-filter; journalctl --unit chatmail-filter"
DELIVERY: Final = "chatmail queue shows queued mail; journalctl --unit postfix --unit dovecot"


def check_login(settings: Settings, person: Person) -> Check:
    """Log in to IMAP and to SMTP."""
    start_s = time.monotonic()
    with imap_session(settings, person), smtp_session(settings, person):
        return ok(LOGIN, f"IMAP and SMTP in {_since_ms(start_s)} ms")


def check_imap_login(settings: Settings, person: Person) -> Check:
    """Log in to IMAP alone: a store has no SMTP."""
    start_s = time.monotonic()
    with imap_session(settings, person):
        return ok(LOGIN, f"IMAP in {_since_ms(start_s)} ms")


def check_plain(settings: Settings, sender: Person, recipient: Person) -> Check:
    """Send clear text, which must be refused."""
    with smtp_session(settings, sender) as client:
        try:
            client.send(sender, recipient, plain_message(sender, recipient))
        except aiosmtplib.SMTPDataError as refusal:
            if refusal.code == ENCRYPTION_NEEDED:
                return ok(PLAIN, "clear text is refused")
            return failed(PLAIN, f"refused with {refusal.code} instead of 523", FILTER)
    return failed(PLAIN, "a message in clear text was accepted", FILTER)


def check_message(settings: Settings, sender: Person, recipient: Person) -> Check:
    """Send a message with the structure of an encrypted one, and fetch it."""
    armour = random_armour()
    content = encrypted_message(sender, recipient, armour)
    with (
        imap_session(settings, recipient) as reader,
        smtp_session(settings, sender) as writer,
    ):
        start_s = time.monotonic()
        writer.send(sender, recipient, content)
        fetched = fetch_armour(reader)
    if fetched is None:
        return failed(MESSAGE, "accepted, but not delivered", DELIVERY)
    if fetched.strip() != armour.strip():
        return failed(MESSAGE, "changed on the way", FILTER)
    return ok(MESSAGE, f"sent, fetched and unchanged in {_since_ms(start_s)} ms")


def _since_ms(start_s: float) -> int:
    return round((time.monotonic() - start_s) * 1000)
