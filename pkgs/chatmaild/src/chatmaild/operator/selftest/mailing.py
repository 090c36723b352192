"""Sending and fetching, with the standard library's clients on this machine's own ports."""

import contextlib
import email
import email.policy
import imaplib
import smtplib
import ssl
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from chatmaild.operator.selftest.openpgp import decrypt, encrypt
from chatmaild.operator.selftest.people import Person
from chatmaild.settings import Settings

HOST = "127.0.0.1"
DEADLINE_S = 15.0
POLL_S = 0.02


def unchecked() -> ssl.SSLContext:
    """TLS to ourselves; the certificate has a check of its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.contextmanager
def imap_session(settings: Settings, person: Person) -> Iterator[imaplib.IMAP4_SSL]:
    """A session in the person's inbox."""
    client = imaplib.IMAP4_SSL(
        HOST, settings.ports.imaps, ssl_context=unchecked(), timeout=DEADLINE_S
    )
    with client:
        # the literal form has no trouble with any character (RFC 9051 section 4.3)
        client.login(str(person.address), person.password)
        client.select("INBOX")
        yield client


@contextlib.contextmanager
def smtp_session(settings: Settings, person: Person) -> Iterator[smtplib.SMTP_SSL]:
    """A session in which the person may send."""
    client = smtplib.SMTP_SSL(
        HOST, settings.ports.submissions, context=unchecked(), timeout=DEADLINE_S
    )
    with client:
        client.login(str(person.address), person.password)
        yield client


def encrypted_message(sender: Person, recipient: Person, text: str, passphrase: str) -> bytes:
    """A message as Delta Chat makes them: PGP/MIME (RFC 3156 section 4)."""
    armour = encrypt(text, passphrase)
    boundary = make_msgid()[1:17].replace(".", "")
    lines = [
        f"From: <{sender.address}>",
        f"To: <{recipient.address}>",
        "Subject: [...]",
        f"Date: {formatdate()}",
        f"Message-ID: {make_msgid(domain='localhost')}",
        "Chat-Version: 1.0",
        "MIME-Version: 1.0",
        'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";',
        f' boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: application/pgp-encrypted",
        "",
        "Version: 1",
        "",
        f"--{boundary}",
        "Content-Type: application/octet-stream",
        "",
        f"{armour}",
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode()


def plain_message(sender: Person, recipient: Person) -> bytes:
    """A message that must not leave."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"] = str(sender.address), str(recipient.address)
    message["Subject"] = "selftest"
    message.set_content("not encrypted")
    return message.as_bytes()


def fetch_text(client: imaplib.IMAP4_SSL, passphrase: str) -> str | None:
    """Wait for the message, and decrypt it; None when it does not come in time."""
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        client.noop()
        _, found = client.search(None, "ALL")
        numbers = (found[0] or b"").split()
        if numbers:
            _, parts = client.fetch(numbers[-1].decode(), "(BODY.PEEK[2])")
            first = parts[0]
            return decrypt(first[1].decode(), passphrase) if isinstance(first, tuple) else None
        time.sleep(POLL_S)
    return None


def set_device_token(client: imaplib.IMAP4_SSL, token: str) -> None:
    """Register a phone (RFC 5464 section 4.3).

    Raises:
        imaplib.IMAP4.error: the server refuses.
    """
    status, answer = client.xatom("SETMETADATA", "INBOX", f'(/private/devicetoken "{token}")')
    if status != "OK":
        raise imaplib.IMAP4.error(str(answer))
