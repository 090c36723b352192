"""A client of STUN (RFC 8489) and TURN (RFC 8656) over UDP, as far as a selftest needs it."""

import hashlib
import hmac
import ipaddress
import secrets
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# RFC 8489 section 5
MAGIC: Final = 0x2112A442
_HEADER: Final = struct.Struct("!HHI12s")
BINDING: Final = 0x0001
ALLOCATE: Final = 0x0003
REFRESH: Final = 0x0004
SUCCESS: Final = 0x0100
ERROR: Final = 0x0110
# attributes (RFC 8489 section 18.3, RFC 8656 section 18)
USERNAME: Final = 0x0006
MESSAGE_INTEGRITY: Final = 0x0008
ERROR_CODE: Final = 0x0009
LIFETIME: Final = 0x000D
XOR_RELAYED_ADDRESS: Final = 0x0016
REALM: Final = 0x0014
NONCE: Final = 0x0015
REQUESTED_TRANSPORT: Final = 0x0019
XOR_MAPPED_ADDRESS: Final = 0x0020
UDP: Final = 17
INTEGRITY_BYTES: Final = 20
UNAUTHORIZED: Final = 401
# a lost packet is sent again; RFC 8489 section 6.2.1 begins with 500 ms
TRIES: Final = 3
TRY_S: Final = 1.0


class StunError(OSError):
    """The server refuses, or its answer cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message: its kind, and its attributes by number."""

    kind: int
    transaction: bytes
    attributes: Mapping[int, bytes]

    def error(self) -> int | None:
        """The number of an error answer (section 14.8)."""
        value = self.attributes.get(ERROR_CODE)
        return value[2] * 100 + value[3] if value and len(value) >= 4 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """User name and password, with realm and nonce of the first answer (section 9.2)."""

    name: str
    password: str
    realm: bytes = b""
    nonce: bytes = b""

    def key(self) -> bytes:
        """The key of the integrity check (section 9.2.2)."""
        text = b":".join((self.name.encode(), self.realm, self.password.encode()))
        return hashlib.md5(text, usedforsecurity=False).digest()

    def attributes(self) -> dict[int, bytes]:
        """The attributes of a request."""
        return {USERNAME: self.name.encode(), REALM: self.realm, NONCE: self.nonce}


def own_address(server: tuple[str, int]) -> str:
    """The IP address that the server sees.

    Raises:
        OSError: it does not answer.
    """
    with _connected(server) as connection:
        answer = _exchange(connection, BINDING, {})
    return _address(answer, XOR_MAPPED_ADDRESS)


def allocate(server: tuple[str, int], name: str, password: str) -> str:
    """Allocate an address on the server, give it back, and return it.

    Raises:
        OSError: the server does not answer, or refuses.
    """
    wanted = {REQUESTED_TRANSPORT: bytes((UDP, 0, 0, 0))}
    with _connected(server) as connection:
        first = _exchange(connection, ALLOCATE, wanted)
        if first.error() != UNAUTHORIZED:
            raise StunError(f"TURN answered {first.error()} to a request without a credential")
        realm, nonce = (first.attributes.get(kind, b"") for kind in (REALM, NONCE))
        credential = Credential(name=name, password=password, realm=realm, nonce=nonce)
        answer = _exchange(connection, ALLOCATE, wanted | credential.attributes(), credential)
        if answer.kind != ALLOCATE | SUCCESS:
            raise StunError(f"TURN refused the credential ({answer.error()})")
        address = _address(answer, XOR_RELAYED_ADDRESS)
        end = {LIFETIME: struct.pack("!I", 0)} | credential.attributes()
        _exchange(connection, REFRESH, end, credential)
    return address


def encode(
    kind: int,
    attributes: Mapping[int, bytes],
    transaction: bytes,
    credential: Credential | None = None,
) -> bytes:
    """A message; with a credential MESSAGE-INTEGRITY is its last attribute (section 14.5)."""
    body = b"".join(_attribute(number, value) for number, value in attributes.items())
    if credential is None:
        return _HEADER.pack(kind, len(body), MAGIC, transaction) + body
    length = len(body) + 4 + INTEGRITY_BYTES
    text = _HEADER.pack(kind, length, MAGIC, transaction) + body
    return text + _attribute(MESSAGE_INTEGRITY, hmac.digest(credential.key(), text, hashlib.sha1))


def decode(data: bytes) -> Message:
    """Read a message.

    Raises:
        StunError: it is not one.
    """
    try:
        kind, length, magic, transaction = _HEADER.unpack_from(data)
    except struct.error as error:
        raise StunError("the answer is too short") from error
    if magic != MAGIC or length != len(data) - _HEADER.size:
        raise StunError("the answer is not STUN")
    attributes: dict[int, bytes] = {}
    at = _HEADER.size
    while at + 4 <= len(data):
        number, size = struct.unpack_from("!HH", data, at)
        attributes.setdefault(number, data[at + 4 : at + 4 + size])
        at += 4 + size + -size % 4
    return Message(kind=kind, transaction=transaction, attributes=attributes)


def _attribute(number: int, value: bytes) -> bytes:
    return struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4)


def _address(message: Message, number: int) -> str:
    """An XOR'ed address (section 14.2)."""
    value = message.attributes.get(number, b"")
    mask = struct.pack("!I", MAGIC) + message.transaction
    raw = bytes(a ^ b for a, b in zip(value[4:], mask, strict=False))
    if len(raw) not in (4, 16):
        raise StunError(f"an answer without an address ({message.error()})")
    return str(ipaddress.ip_address(raw))


def _connected(server: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_DGRAM)
    connection.settimeout(TRY_S)
    connection.connect(server)
    return connection


def _exchange(
    connection: socket.socket,
    kind: int,
    attributes: Mapping[int, bytes],
    credential: Credential | None = None,
) -> Message:
    transaction = secrets.token_bytes(12)
    request = encode(kind, attributes, transaction, credential)
    for _ in range(TRIES):
        connection.send(request)
        try:
            answer = decode(connection.recv(2048))
        except TimeoutError:
            continue
        if answer.transaction == transaction:
            return answer
    raise StunError("no answer")
