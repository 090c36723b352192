"""OpenPGP with a passphrase, and the message around it."""

import base64
import binascii
import email

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmaild.address import parse_address
from chatmaild.filter.openpgp.packets import PacketReader
from chatmaild.operator.selftest.mailing import encrypted_message
from chatmaild.operator.selftest.openpgp import DecryptionError, decrypt, encrypt
from chatmaild.operator.selftest.people import Person

ALICE = Person(address=parse_address("alice@chat.example.org"), password="x")
BOB = Person(address=parse_address("bob@chat.example.org"), password="x")


@given(st.text(max_size=300), st.text(min_size=1, max_size=40))
def test_what_is_encrypted_can_be_decrypted(text: str, passphrase: str) -> None:
    """Any text, any passphrase."""
    assert decrypt(encrypt(text, passphrase), passphrase) == text


def test_another_passphrase_does_not_open_it() -> None:
    """And says so."""
    with pytest.raises(DecryptionError):
        decrypt(encrypt("hello", "right"), "wrong")


@pytest.mark.parametrize("position", [0, 40, 80, 120, 160, 200])
def test_a_changed_octet_is_noticed(position: int) -> None:
    """In either packet."""
    armour = encrypt("hello", "right").split("\r\n")
    packets = bytearray(base64.b64decode("".join(armour[2:-2])))
    packets[position % len(packets)] ^= 1
    damaged = "\r\n".join([armour[0], "", base64.b64encode(packets).decode(), armour[-2]])

    with pytest.raises(DecryptionError):
        decrypt(damaged, "right")


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN PGP MESSAGE-----\n\nAAAA"])
def test_what_is_no_armour_is_refused(text: str) -> None:
    """A message that something replaced is no success."""
    with pytest.raises(DecryptionError):
        decrypt(text, "right")


def test_the_filter_takes_it_for_an_encrypted_message() -> None:
    """A session key packet, then the data."""
    lines = encrypt("hello", "right").split("\r\n")
    text = "".join(lines[2:-2]).encode()
    bare = text.rstrip(b"=")
    walk = PacketReader()
    walk.feed(bare)

    assert walk.finish(len(text) - len(bare))
    assert binascii.a2b_base64(text)


def test_the_message_is_pgp_mime() -> None:
    """Two parts, the second with the armour."""
    parsed = email.message_from_bytes(encrypted_message(ALICE, BOB, "hello", "right"))
    _, first, second = parsed.walk()

    assert parsed.get_content_type() == "multipart/encrypted"
    assert first.get_payload() == "Version: 1\r\n"
    assert decrypt(str(second.get_payload()), "right") == "hello"
