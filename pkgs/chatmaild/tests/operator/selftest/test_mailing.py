"""The message of the test: random content with the structure of an encrypted message."""

import email

from chatmaild.address import parse_address
from chatmaild.filter.openpgp.packets import PacketReader
from chatmaild.operator.selftest.mailing import encrypted_message, random_armour
from chatmaild.operator.selftest.people import Person

ALICE = Person(address=parse_address("alice@chat.example.org"), password="x")
BOB = Person(address=parse_address("bob@chat.example.org"), password="x")


def test_the_filter_takes_it_for_an_encrypted_message() -> None:
    """A session key packet, then the data."""
    lines = random_armour().split("\r\n")
    text = "".join(lines[2:-2]).encode()
    bare = text.rstrip(b"=")
    reader = PacketReader()
    reader.feed(bare)

    assert reader.finish(len(text) - len(bare))


def test_no_two_messages_are_the_same() -> None:
    """So an older message in the mailbox cannot pass for the new one."""
    assert random_armour() != random_armour()


def test_the_message_is_pgp_mime() -> None:
    """Two parts, the second with the armour."""
    armour = random_armour()

    parsed = email.message_from_bytes(encrypted_message(ALICE, BOB, armour))
    _, first, second = parsed.walk()

    assert parsed.get_content_type() == "multipart/encrypted"
    assert first.get_payload() == "Version: 1\r\n"
    assert second.get_payload() == armour
