"""Messages as bytes, line ends CRLF: those of clients, and some that relays must refuse."""

from __future__ import annotations

import email.utils
import secrets
from collections.abc import Mapping, Sequence

import dkim

from chatmail_testkit.traces.ledger import record

VERSION_PART = b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
_ENCRYPTED = 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="{boundary}"'


def compose(headers: Mapping[str, str], body: bytes) -> bytes:
    """Returns a message; a header whose value is empty is left out."""
    record("subject", headers.get("Subject", ""))
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if value]
    return "".join(lines).encode() + b"\r\n" + body


def envelope_headers(sender: str, recipients: Sequence[str]) -> dict[str, str]:
    """Returns the headers of every message of a client."""
    return {
        "From": f"<{sender}>",
        "To": ", ".join(f"<{recipient}>" for recipient in recipients),
        "Subject": "[...]",
        "Date": email.utils.formatdate(),
        "Message-ID": f"<{secrets.token_hex(12)}@localhost>",
        "Chat-Version": "1.0",
        "MIME-Version": "1.0",
    }


def encrypted(
    sender: str, recipients: Sequence[str], armored: bytes, headers: Mapping[str, str] | None = None
) -> bytes:
    """Returns a PGP/MIME message (RFC 3156 section 4); `headers` are added or replace its own."""
    boundary = secrets.token_hex(12)
    delimiter = b"--" + boundary.encode()
    body = delimiter + b"\r\n" + VERSION_PART + b"\r\n" + delimiter
    body += b"\r\nContent-Type: application/octet-stream\r\n\r\n" + armored
    body += b"\r\n" + delimiter + b"--\r\n"
    own = envelope_headers(sender, recipients)
    own["Content-Type"] = _ENCRYPTED.format(boundary=boundary)
    return compose(own | dict(headers or {}), body)


def plain(
    sender: str,
    recipients: Sequence[str],
    text: str = "not encrypted",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Returns a message without encryption."""
    own = envelope_headers(sender, recipients) | {"Content-Type": "text/plain; charset=utf-8"}
    return compose(own | dict(headers or {}), text.encode() + b"\r\n")


def multipart(
    sender: str,
    recipients: Sequence[str],
    subtype: str,
    parts: Sequence[tuple[str, str]],
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Returns a message of `parts`, pairs of content type and text, below `multipart/SUBTYPE`."""
    boundary = secrets.token_hex(12)
    body = "".join(
        f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in parts
    )
    own = envelope_headers(sender, recipients)
    own["Content-Type"] = f'multipart/{subtype}; boundary="{boundary}"'
    return compose(own | dict(headers or {}), f"{body}--{boundary}--\r\n".encode())


def secure_join_request(sender: str, recipient: str) -> bytes:
    """Returns the first message of a secure join, which relays accept without encryption."""
    return multipart(
        sender,
        [recipient],
        "mixed",
        [("text/plain; charset=utf-8", "Secure-Join: vc-request")],
        {"Secure-Join": "vc-request", "Secure-Join-Invitenumber": "abcdefghijk"},
    )


def signed(message: bytes, domain: str, selector: str, private_key: bytes) -> bytes:
    """Returns `message` with a DKIM signature before it (RFC 6376)."""
    signature: bytes = dkim.sign(
        message,
        selector.encode(),
        domain.encode(),
        private_key,
        canonicalize=(b"relaxed", b"simple"),
    )
    return signature + message
