"""Builders of test messages and their parts."""

import base64

from chatmaild.filter.content import Content, ContentReader
from chatmaild.filter.envelope import Mailbox, Recipient, read_mailbox
from chatmaild.filter.mime.headers import Header, parse_block
from chatmaild.filter.policy import Envelope, Ingress

BEGIN = b"-----BEGIN PGP MESSAGE-----\r\n"
END = b"-----END PGP MESSAGE-----\r\n"
ENCRYPTED_TYPE = b'multipart/encrypted; protocol="application/pgp-encrypted";\r\n\tboundary="=-cut"'
ALICE = "alice@chat.example.org"
BOB = "bob@chat.example.org"
EVE = "eve@peer.example"
DOMAIN = "chat.example.org"


def packet(kind: int, body: bytes) -> bytes:
    """A packet of the OpenPGP format with the shortest length."""
    return bytes([0xC0 | kind]) + length(len(body)) + body


def length(size_bytes: int) -> bytes:
    """A length in the OpenPGP format (RFC 9580 section 4.2.1)."""
    if size_bytes < 192:
        return bytes([size_bytes])
    if size_bytes < 8384:
        return bytes([192 + (size_bytes - 192 >> 8), (size_bytes - 192) & 255])
    return b"\xff" + size_bytes.to_bytes(4, "big")


# a session key for an anonymous recipient: version 3, X25519, AES-256 (RFC 9580 section 5.1.6)
SESSION_KEY = b"\x03" + bytes(8) + b"\x19" + bytes(32) + b"\x29\x09" + bytes(40)
MIN_DATA = 41  # bytes of the smallest valid encrypted data


def packets(size_bytes: int = 100) -> bytes:
    """A session key for one recipient, then that many bytes of encrypted data."""
    return packet(1, SESSION_KEY) + packet(18, b"\x01" + bytes(size_bytes - 1))


def armour(content: bytes, *, width: int = 64, head: bytes = b"\r\n", tail: bytes = b"") -> bytes:
    """ASCII armour; `head` and `tail` are between the base64 and its BEGIN and END lines."""
    text = base64.b64encode(content)
    lines = [text[at : at + width] + b"\r\n" for at in range(0, len(text), width)]
    return BEGIN + head + b"".join(lines) + tail + END


def part(header: bytes, content: bytes) -> bytes:
    """A part with its delimiter; `header` has no final CRLF."""
    return b"--=-cut\r\n" + header + b"\r\n\r\n" + content + b"\r\n"


CONTROL = part(b"Content-Type: application/pgp-encrypted", b"Version: 1\r\n")
CLOSE = b"--=-cut--\r\n"
DATA_TYPE = b'Content-Type: application/octet-stream; name="encrypted.asc"'


def encrypted(content: bytes | None = None) -> bytes:
    """Body of an encrypted message; `content` is the armour."""
    data = armour(packets()) if content is None else content
    return CONTROL + part(DATA_TYPE, data) + CLOSE


def headers(text: bytes = b"", *, content_type: bytes = ENCRYPTED_TYPE) -> list[Header]:
    """Header of a message; `text` is more fields, each with its CRLF."""
    block = text + b"Content-Type: " + content_type
    found = parse_block(block)
    assert found is not None
    return found


def header_from(
    author: str = ALICE, *more: bytes, content_type: bytes = ENCRYPTED_TYPE
) -> list[Header]:
    """Header of a message with an author and more fields."""
    fields = [f"From: <{author}>".encode(), *more]
    return headers(b"".join(field + b"\r\n" for field in fields), content_type=content_type)


def read(header: list[Header], body: bytes, *, strict: bool = True, step: int = 65_535) -> Content:
    """The content class of a body, fed in pieces of `step` bytes."""
    reader = ContentReader(strict=strict)
    reader.begin(header)
    for at in range(0, len(body), step):
        reader.feed(body[at : at + step])
    return reader.finish()


def mailbox(text: str, domain: str = DOMAIN) -> Mailbox:
    """A mailbox, parsed by a relay with that domain."""
    found = read_mailbox(text, domain)
    assert found is not None
    return found


def envelope(ingress: Ingress, sender: str, *recipients: str, domain: str = DOMAIN) -> Envelope:
    """An envelope; an empty sender is the null sender."""
    return Envelope(
        ingress=ingress,
        sender=mailbox(sender, domain) if sender else None,
        recipients=[Recipient(mailbox(text, domain), text) for text in recipients],
    )
