"""chatmail.toml: what is understood, and how mistakes are told."""

import random

import pytest

from chatmail_nixos.provision.card import Card, Mistakes, Wifi, read_card

WHOLE = b"""
domain = "chat.ada.example"
contact = "ada@mail.example"
ssh_key = "ssh-ed25519 AAAAC3Nz ada@laptop"

[wifi]
name = "Lovelace"
password = "analytical engine"
country = "GB"
"""


def test_a_whole_card() -> None:
    """Every part of the file."""
    assert read_card(WHOLE) == Card(
        domain="chat.ada.example",
        contact="ada@mail.example",
        ssh_keys=("ssh-ed25519 AAAAC3Nz ada@laptop",),
        wifi=Wifi(name="Lovelace", password="analytical engine", country="GB"),
    )


@pytest.mark.parametrize(
    "content",
    [
        b'domain = "chat.ada.example"',
        b'\xef\xbb\xbfdomain = "Chat.Ada.Example."\r\n',
        b'  domain = " chat.ada.example "  # mine\n',
    ],
)
def test_a_domain_is_enough(content: bytes) -> None:
    """Capitals, a final dot, Windows' line ends and byte order mark do no harm."""
    assert read_card(content) == Card(domain="chat.ada.example")


def test_a_domain_with_umlauts_is_encoded() -> None:
    """RFC 5891: what goes into DNS is ASCII."""
    assert read_card('domain = "bücher.example"'.encode()) == Card(domain="xn--bcher-kva.example")
    assert read_card('domain = "fuß.example"'.encode()) == Card(domain="xn--fu-hia.example")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "The domain is missing"),
        (b"domain = chat.ada.example", "Line 1 cannot be read"),
        (b'\n\ndomain "chat.ada.example"', "Line 3 cannot be read"),
        ("domain = “chat.ada.example”".encode(), "straight quotation marks"),
        ('domain = "bücher.example"'.encode("latin-1"), "UTF-8"),
        (b'domain = "chat.example.org"', "still the example"),
        (b'domain = "https://chat.ada.example/"', "without https://"),
        (b'domain = "me@chat.ada.example"', "bare name"),
        (b'domain = "localhost"', "not a domain name"),
        (b'domain = "chat..example"', "not a domain name"),
        ('domain = "\N{HEAVY BLACK HEART}.example"'.encode(), "not a domain name"),
        (b'domain = "-chat.example"', "not a domain name"),
        (b'domain = "192.0.2.7"', "build your own image"),
        (b'domain = "_chat.ada.example"', "build your own image"),
        (b"domain = 7", "in quotation marks"),
        (b'domain = "%s.example"' % b".".join([b"a" * 60] * 5), "too long"),
        (b'domian = "chat.ada.example"', "do you mean domain?"),
        (b'domain = "chat.ada.example"\ncolour = "red"', "Known are: contact, domain"),
        (b'domain = "chat.ada.example"\ncontact = "ada"', "not an e-mail address"),
        (b'domain = "chat.ada.example"\nssh_key = "hello"', "one line like"),
        (b'domain = "chat.ada.example"\nssh_key = "-----BEGIN PRIVATE KEY-----"', "private key"),
        (b'domain = "chat.ada.example"\nwifi = "home"', "part of its own"),
        (b'domain = "chat.ada.example"\n[wifi]\nname = "home"', "password must be a text"),
        (b'domain = "chat.ada.example"\n[wifi]\nname = "h"\npassword = "short"', "8 to 63"),
        (b'domain = "chat.ada.example"\n[wifi]\nname = "h"\npasword = "long enough"', "password?"),
        (
            b'domain = "chat.ada.example"\n[wifi]\nname = "h"\npassword = "12345678"\ncountry = 1',
            "two capital letters",
        ),
    ],
)
def test_mistakes_are_told_in_words(content: bytes, told: str) -> None:
    """Each with what to write instead."""
    read = read_card(content)

    assert isinstance(read, Mistakes)
    assert told in " ".join(read.sentences)


def test_all_mistakes_are_told_at_once() -> None:
    """Nobody corrects a card three times."""
    read = read_card(b'domain = "x"\ncontact = "y"\nssh_key = "z"')

    assert isinstance(read, Mistakes)
    assert len(read.sentences) == 3


@pytest.mark.parametrize("seed", range(50))
def test_a_damaged_card_is_answered(seed: int) -> None:
    """What a bad card reader makes of the file is a mistake, not a crash."""
    dice = random.Random(seed)
    content = bytearray(WHOLE)
    for _ in range(dice.randrange(1, 20)):
        content[dice.randrange(len(content))] = dice.randrange(256)

    assert isinstance(read_card(bytes(content)), Card | Mistakes)
