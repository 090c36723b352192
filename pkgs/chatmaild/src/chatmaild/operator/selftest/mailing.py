"""Send and fetch mail on this machine's own ports, with aiosmtplib and imapclient."""

import asyncio
import base64
import contextlib
import email.policy
import re
import secrets
import ssl
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import aiosmtplib
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from chatmaild.operator.selftest.people import Person
from chatmaild.settings import Settings

HOST = "127.0.0.1"
# of each connection and answer; several follow each other in a check
DEADLINE_S = 8.0
# set at the end: a login after the deletion of an address would create it again
ENDING = threading.Event()
_VALUE = re.compile(r' "([^"]*)"\)$')
POLL_S = 0.02
# packets with the new format header (RFC 9580 section 4.2.1)
SKESK_HEADER = 0xC3
SEIPD_HEADER = 0xD2
# version 4, AES-256, iterated and salted SHA2-256 with 65,536 bytes (sections 5.3.1 and 3.7.1.3)
SKESK_FIELDS = bytes([4, 9, 3, 8])
S2K_SALT_BYTES = 8
S2K_COUNT = bytes([0x60])
SEIPD_VERSION = bytes([1])
CONTENT_BYTES = 180
LINE_BYTES = 48  # 64 characters of base64


def unchecked() -> ssl.SSLContext:
    """TLS to this machine; another check looks at the certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Inbox(IMAPClient):  # type: ignore[misc]  # imapclient has no types
    """An IMAP session with METADATA (RFC 5464), which imapclient lacks."""

    def metadata(self, entry: str, mailbox: str = "") -> str | None:
        """The value of an entry (section 4.2), None for none.

        Raises:
            IMAPClientError: the server refuses.
        """
        status, answer = self._imap.xatom("GETMETADATA", f'"{mailbox}"', f"({entry})")
        if status != "OK":
            raise IMAPClientError(str(answer))
        for line in self._imap.response("METADATA")[1] or []:
            # a literal comes as a pair: the line, and the text
            if isinstance(line, tuple):
                return str(line[1].decode())
            if found := _VALUE.search((line or b"").decode()):
                return str(found[1])
        return None

    def set_metadata(self, mailbox: str, entry: str, value: str | None) -> None:
        """Set an entry, or remove it (section 4.3).

        Raises:
            IMAPClientError: the server refuses.
        """
        said = "NIL" if value is None else f'"{value}"'
        status, answer = self._imap.xatom("SETMETADATA", mailbox, f"({entry} {said})")
        if status != "OK":
            raise IMAPClientError(str(answer))


class Submission:
    """An SMTP session that is logged in; each call waits for the reply."""

    def __init__(self, runner: asyncio.Runner, client: aiosmtplib.SMTP) -> None:
        self._runner = runner
        self._client = client

    def send(self, sender: Person, recipient: Person, content: bytes) -> None:
        """Send a message.

        Raises:
            aiosmtplib.SMTPDataError: the relay refuses its content.
            aiosmtplib.SMTPException: the relay refuses sender or recipient.
        """
        to = [str(recipient.address)]
        self._runner.run(self._client.sendmail(str(sender.address), to, content))


@contextlib.contextmanager
def imap_session(settings: Settings, person: Person) -> Iterator[Inbox]:
    """A session in the person's inbox; on a store as its fronts have them, in the tunnel."""
    _refuse_at_the_end()
    if settings.cluster.role == "store":
        here, port = settings.cluster.address, settings.ports.imap
        client = Inbox(here, port, ssl=False, timeout=DEADLINE_S)
    else:
        client = Inbox(HOST, settings.ports.imaps, ssl_context=unchecked(), timeout=DEADLINE_S)
    with client:
        client.login(str(person.address), person.password)
        client.select_folder("INBOX")
        yield client


@contextlib.contextmanager
def smtp_session(settings: Settings, person: Person) -> Iterator[Submission]:
    """A session in which the person may send."""
    _refuse_at_the_end()
    client = aiosmtplib.SMTP(
        hostname=HOST,
        port=settings.ports.submissions,
        username=str(person.address),
        password=person.password,
        local_hostname=f"[{HOST}]",
        timeout=DEADLINE_S,
        use_tls=True,
        tls_context=unchecked(),
    )
    with asyncio.Runner() as runner:
        runner.run(client.connect())
        try:
            yield Submission(runner, client)
        finally:
            with contextlib.suppress(aiosmtplib.SMTPException):
                runner.run(client.quit())


def _refuse_at_the_end() -> None:
    if ENDING.is_set():
        raise OSError("the selftest has ended")


def random_armour() -> str:
    """Armour with the packets of an encrypted message, and random bytes as their content.

    The filter reads the structure and cannot decrypt, so the test needs no encryption: the mailbox
    must hold exactly these bytes. Lines end in CRLF.
    """
    key = SKESK_FIELDS + secrets.token_bytes(S2K_SALT_BYTES) + S2K_COUNT
    data = SEIPD_VERSION + secrets.token_bytes(CONTENT_BYTES)
    packets = bytes([SKESK_HEADER, len(key)]) + key + bytes([SEIPD_HEADER, len(data)]) + data
    lines = [
        base64.b64encode(packets[at : at + LINE_BYTES]).decode()
        for at in range(0, len(packets), LINE_BYTES)
    ]
    return "\r\n".join(["-----BEGIN PGP MESSAGE-----", "", *lines, "-----END PGP MESSAGE-----", ""])


def encrypted_message(sender: Person, recipient: Person, armour: str) -> bytes:
    """A message of Delta Chat's form: PGP/MIME (RFC 3156 section 4)."""
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
    """A message without encryption, which the relay must refuse."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"] = str(sender.address), str(recipient.address)
    message["Subject"] = "selftest"
    message.set_content("not encrypted")
    return message.as_bytes()


def fetch_armour(client: Inbox) -> str | None:
    """Wait for a message, and return its second part; None after the deadline."""
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        client.noop()
        found = client.search("ALL")
        if found:
            part = client.fetch(found[-1:], ["BODY.PEEK[2]"])[found[-1]]
            content: bytes = part[b"BODY[2]"]
            return content.decode(errors="replace")
        time.sleep(POLL_S)
    return None
