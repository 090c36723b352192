"""OpenPGP messages open with the keys of their recipients, and with no other key."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from chatmail_testkit.mail import openpgp

ALICE, BOB, EVE = (X25519PrivateKey.generate() for _ in range(3))


def test_each_recipient_reads_it() -> None:
    """Through the armour and back."""
    sent = openpgp.armor(openpgp.encrypt(b"hello", [ALICE.public_key(), BOB.public_key()]))

    assert [openpgp.decrypt(openpgp.unarmor(sent), key) for key in (ALICE, BOB)] == [b"hello"] * 2


def test_another_key() -> None:
    """Opens nothing."""
    with pytest.raises(ValueError, match="not encrypted to this key"):
        openpgp.decrypt(openpgp.encrypt(b"hello", [ALICE.public_key()]), EVE)


def test_an_altered_message() -> None:
    """Is recognised by its digest."""
    data = bytearray(openpgp.encrypt(b"hello", [ALICE.public_key()]))
    data[-25] ^= 1

    with pytest.raises(ValueError, match="altered"):
        openpgp.decrypt(bytes(data), ALICE)


def test_armour_with_headers() -> None:
    """Its headers are skipped."""
    text = openpgp.armor(b"packets").replace(
        b"\r\n\r\n", b"\r\nVersion: x\r\nComment: y\r\n \r\n", 1
    )

    assert openpgp.unarmor(text) == b"packets"


@pytest.mark.parametrize("size_bytes", [2_048, 100_000])
def test_filling(size_bytes: int) -> None:
    """The armour and the header of a message have about the size together."""
    assert (
        abs(len(openpgp.armored_filling(size_bytes)) - size_bytes) < 0.5 * 2_048 + 0.03 * size_bytes
    )
