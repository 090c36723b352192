"""Messages of a run: encrypted as a client does, with an identifier in Message-ID and text."""

from __future__ import annotations

import functools
import hashlib
import os
import random
import re
import ssl
from collections.abc import Iterator, Sequence

from chatmail_testkit.mail import messages, openpgp
from chatmail_testkit.mail.reply import Reply
from chatmail_testkit.people.names import Account
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from loss.ledger import Find
from loss.plan import Letter

TOKEN = re.compile(rb"<(\d+[.]\d+)@loss[.]example>")
REPORT = re.compile(rb"^Content-Type:\s*multipart/report", re.IGNORECASE | re.MULTILINE)
FINAL_RECIPIENT = re.compile(rb"^(?:Final|Original)-Recipient:\s*rfc822;\s*(\S+)", re.I | re.M)
DIAGNOSTIC = re.compile(rb"^Diagnostic-Code:\s*((?:.+\r?\n)(?:[ \t].+\r?\n)*)", re.I | re.M)
LOCAL_PART = re.compile(r"[0-9a-z]{9}@")
REASON_LENGTH = 110
# of a message around its text: header fields, MIME parts, packets
AROUND_BYTES = 1500


@functools.cache
def key_of(address: str) -> X25519PrivateKey:
    """Return the encryption key of a person."""
    digest = hashlib.blake2b(address.encode(), digest_size=32).digest()
    return X25519PrivateKey.from_private_bytes(digest)


def written(
    letter: Letter, attempt: int, sender: str, recipients: Sequence[str]
) -> tuple[str, bytes, str]:
    """Return the token, the message and the digest of its text; every attempt has its own token."""
    token = f"{letter.number:06d}.{attempt}"
    filling = max(0, letter.size_bytes - AROUND_BYTES) * 3 // 4
    text = f"{token}\r\n".encode() + random.Random(letter.number).randbytes(filling)  # noqa: S311
    readers = [key_of(address).public_key() for address in (sender, *recipients)]
    armored = openpgp.armor(openpgp.encrypt(text, readers))
    headers = {"Message-ID": f"<{token}@loss.example>"}
    return token, messages.encrypted(sender, recipients, armored, headers), _digest(text)


def finds(user: Account, raw: bytes) -> Iterator[Find]:
    """Yield what a message in a mailbox is; a bounce names its recipients."""
    token = token_of(raw)
    if not REPORT.search(raw.partition(b"\r\n\r\n")[0]):
        yield Find(token=token, mailbox=user.address, digest=opened(user, token, raw))
        return
    for recipient in {name.decode().lower() for name in FINAL_RECIPIENT.findall(raw)}:
        yield Find(token=token, mailbox=recipient, reason=_bounce_reason(raw))


def token_of(raw: bytes) -> str:
    """Return the token of a message, or of the one that a bounce returns; empty if it has none."""
    found = TOKEN.search(raw)
    return found[1].decode() if found else ""


def opened(user: Account, token: str, raw: bytes) -> str:
    """Return the digest of a message's text; without one it is another's, or damaged."""
    try:
        text = openpgp.decrypt(openpgp.unarmor(raw), key_of(user.address))
    except (ValueError, IndexError):
        return "cannot be decrypted"
    return _digest(text) if text.startswith(f"{token}\r\n".encode()) else "another's text"


def reason_of(reply: Reply) -> str:
    """Return code and text of a refusal without local parts."""
    words = " ".join(reply.text.split())
    return LOCAL_PART.sub("…@", f"{reply.code} {words}")[:REASON_LENGTH]


def _bounce_reason(report: bytes) -> str:
    found = DIAGNOSTIC.search(report)
    words = b" ".join(found[1].split()).decode(errors="replace") if found else "no reason given"
    return LOCAL_PART.sub("…@", words)[:REASON_LENGTH]


def _digest(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def tls() -> ssl.SSLContext:
    """Return a context that trusts the lab's authority."""
    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
