"""Submission refuses mail without end-to-end encryption with 523."""

from __future__ import annotations

import base64

import pytest
from chatmail_testkit.mail import messages, openpgp
from chatmail_testkit.mail.openpgp import PKESK, SEIPD, SKESK, packet
from chatmail_testkit.people.person import Person

PGP = "application/pgp-encrypted"
OCTETS = "application/octet-stream"
VERSION = (PGP, "Version: 1")


def _armored(person: Person) -> str:
    return openpgp.armor(openpgp.encrypt(b"x", [person.key.public_key()])).decode()


def test_plain_text(alice: Person, bob: Person) -> None:
    """The reply holds the text that clients look for."""
    reply = alice.submits(messages.plain(alice.address, [bob.address]), bob)

    assert (reply.code, "Encryption Needed: Invalid Unencrypted Mail" in reply.text) == (523, True)


def test_html_with_a_picture(alice: Person, carol: Person) -> None:
    """HTML mail is refused for local and remote recipients."""
    parts = [("text/html", "<p>hello</p>"), ("image/png", "iVBORw0KGgo=")]
    message = messages.multipart(alice.address, [carol.address], "related", parts)

    assert alice.submits(message, carol).code == 523


@pytest.mark.parametrize(
    "pretence",
    [
        "subject only",
        "no OpenPGP inside",
        "first part only",
        "three parts",
        "text in the second part",
        "text before the parts",
        "text after the parts",
        "version header in the armour",
        "text after the armour",
        "mixed instead of encrypted",
    ],
)
def test_shape_without_encryption(pretence: str, alice: Person, bob: Person) -> None:
    """PGP/MIME structure without OpenPGP data is refused."""
    armored = _armored(bob)
    encrypted = alice.writes(bob)
    to = [bob.address]

    def shaped(parts: list[tuple[str, str]], subtype: str = "encrypted") -> bytes:
        return messages.multipart(alice.address, to, subtype, parts)

    message = {
        "subject only": messages.plain(alice.address, to, headers={"Subject": "[...]"}),
        "no OpenPGP inside": shaped([VERSION, (OCTETS, "hello")]),
        "first part only": shaped([VERSION]),
        "three parts": shaped([VERSION, (OCTETS, armored), ("text/plain", "hello")]),
        "text in the second part": shaped([VERSION, (OCTETS, "hello\r\n" + armored)]),
        "text before the parts": encrypted.replace(b"\r\n\r\n--", b"\r\n\r\nhello\r\n--", 1),
        "text after the parts": encrypted + b"hello\r\n",
        "version header in the armour": shaped(
            [VERSION, (OCTETS, armored.replace("\r\n\r\n", "\r\nVersion: hello\r\n\r\n", 1))]
        ),
        "text after the armour": shaped([VERSION, (OCTETS, armored + "hello")]),
        "mixed instead of encrypted": shaped([VERSION, (OCTETS, armored)], "mixed"),
    }[pretence]

    assert alice.submits(message, bob).code == 523


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("a literal packet", packet(11, b"b\x00\x00\x00\x00\x00hello")),
        ("data without integrity protection", packet(PKESK, b"\x03") + packet(9, bytes(40))),
        ("session keys without data", packet(PKESK, b"\x03" + bytes(40))),
        ("data behind the data", packet(SEIPD, b"\x01" + bytes(40)) + packet(11, b"hello")),
        ("a truncated packet", packet(SKESK, b"\x04") + packet(SEIPD, b"\x01" + bytes(40))[:-5]),
        ("nothing", b""),
    ],
)
def test_packets_without_encryption(what: str, data: bytes, alice: Person, bob: Person) -> None:
    """The armour must hold session keys and encrypted data only."""
    message = messages.encrypted(alice.address, [bob.address], openpgp.armor(data))

    assert alice.submits(message, bob).code == 523, what


def test_symmetric_encryption_passes(alice: Person, bob: Person) -> None:
    """Secure join and channels encrypt to a shared secret."""
    data = packet(SKESK, b"\x04\x09\x00\x08") + packet(SEIPD, b"\x01" + bytes(60))
    message = messages.encrypted(alice.address, [bob.address], openpgp.armor(data))

    assert alice.submits(message, bob).code == 250
    assert base64.b64encode(data)[:40] in bob.receives().raw


def test_a_read_receipt_in_clear_text(alice: Person, bob: Person) -> None:
    """Clients encrypt receipts, which tell who read what and when."""
    parts = [
        ("text/plain", "seen"),
        ("message/disposition-notification", "Disposition: manual-action; displayed"),
    ]
    message = messages.multipart(alice.address, [bob.address], "report", parts)

    assert alice.submits(message, bob).code == 523
