"""All checks, one after the other; a broken one does not hide the others."""

import re
import time
from collections.abc import Callable

import aiosmtplib
from imapclient.exceptions import IMAPClientError

from chatmaild.operator.selftest import certificates, dkim, push, queue
from chatmaild.operator.selftest.mailing import (
    encrypted_message,
    fetch_armour,
    imap_session,
    plain_message,
    random_armour,
    smtp_session,
)
from chatmaild.operator.selftest.people import Person, two_people
from chatmaild.operator.selftest.report import Check, failed, passed
from chatmaild.settings import Settings

# clients know the refusal by this code and text
ENCRYPTION_NEEDED = 523
_ADDRESS = re.compile(r"[^\s'\"<>{}]+@[^\s'\"<>{},;]+")


def run(settings: Settings) -> list[Check]:
    """Run all checks."""
    return [
        *_mail(settings),
        _guarded(certificates.NAME, lambda: certificates.check(settings)),
        _guarded(dkim.NAME, lambda: dkim.check(settings)),
        _guarded(queue.NAME, queue.check),
    ]


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except (OSError, IMAPClientError, aiosmtplib.SMTPException, ValueError) as error:
        return failed(name, without_addresses(f"{type(error).__name__}: {error}"))


def without_addresses(text: str) -> str:
    """The text of an error without the addresses that it may quote."""
    return _ADDRESS.sub("...", text)


def _mail(settings: Settings) -> list[Check]:
    with two_people(settings) as (alice, bob):
        checks = [_guarded("login", lambda: _login(settings, alice))]
        checks.append(_guarded("plain text", lambda: _plain_is_refused(settings, alice, bob)))
        before: dict[str, int] = {}
        if settings.push.enable:
            checks.append(_guarded("device token", lambda: _register(settings, bob, before)))
        checks.append(_guarded("message", lambda: _message(settings, alice, bob)))
        if settings.push.enable:
            checks.append(_guarded(push.NAME, lambda: push.check(settings, before)))
    return checks


def _login(settings: Settings, person: Person) -> Check:
    start_s = time.monotonic()
    with imap_session(settings, person), smtp_session(settings, person):
        return passed("login", f"IMAP and SMTP in {_since_ms(start_s)} ms")


def _plain_is_refused(settings: Settings, sender: Person, recipient: Person) -> Check:
    name = "plain text"
    with smtp_session(settings, sender) as client:
        try:
            client.send(sender, recipient, plain_message(sender, recipient))
        except aiosmtplib.SMTPDataError as refusal:
            if refusal.code == ENCRYPTION_NEEDED:
                return passed(name, "refused, as it must be")
            return failed(name, f"refused with {refusal.code}, and not with 523")
    return failed(name, "a message in clear text was accepted")


def _register(settings: Settings, person: Person, before: dict[str, int]) -> Check:
    before.update(push.counters(settings))
    with imap_session(settings, person) as client:
        client.set_device_token(push.invented_token())
    return passed("device token", "kept")


def _message(settings: Settings, sender: Person, recipient: Person) -> Check:
    name = "message"
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
        return failed(name, "accepted, and did not arrive")
    if fetched.strip() != armour.strip():
        return failed(name, "not as it was sent")
    return passed(name, f"sent, fetched and unchanged in {_since_ms(start_s)} ms")


def _since_ms(start_s: float) -> int:
    return round((time.monotonic() - start_s) * 1000)
