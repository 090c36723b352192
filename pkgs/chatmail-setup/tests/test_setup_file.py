"""Valid files, and the sentences about mistakes."""

import random
from pathlib import Path

import pytest

from chatmail_setup.setup_file import Mistakes, SetupFile, Wifi, read_first, read_setup_file

WHOLE = b"""
domain = "chat.ada.example"
contact = "ada@mail.example"
ssh_key = "ssh-ed25519 AAAAC3Nz ada@laptop"

[wifi]
name = "Lovelace"
password = "analytical engine"
country = "GB"
"""


def test_a_complete_file() -> None:
    """With every key."""
    assert read_setup_file(WHOLE) == SetupFile(
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
    """Capitals, a final dot, and line ends and byte order mark of Windows are accepted."""
    assert read_setup_file(content) == SetupFile(domain="chat.ada.example")


def test_a_domain_with_umlauts_is_encoded() -> None:
    """DNS has ASCII names (RFC 5891)."""
    assert read_setup_file('domain = "bücher.example"'.encode()) == SetupFile(
        domain="xn--bcher-kva.example"
    )
    assert read_setup_file('domain = "fuß.example"'.encode()) == SetupFile(
        domain="xn--fu-hia.example"
    )


@pytest.mark.parametrize(
    ("content", "text"),
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
def test_a_mistake_has_a_sentence(content: bytes, text: str) -> None:
    """With what to write instead."""
    read = read_setup_file(content)

    assert isinstance(read, Mistakes)
    assert text in " ".join(read.sentences)


def test_all_mistakes_are_returned_together() -> None:
    """One correction is enough."""
    read = read_setup_file(b'domain = "x"\ncontact = "y"\nssh_key = "z"')

    assert isinstance(read, Mistakes)
    assert len(read.sentences) == 3


@pytest.mark.parametrize("seed", range(50))
def test_a_damaged_file_is_no_crash(seed: int) -> None:
    """Random bytes make a mistake, or another valid file."""
    dice = random.Random(seed)
    content = bytearray(WHOLE)
    for _ in range(dice.randrange(1, 20)):
        content[dice.randrange(len(content))] = dice.randrange(256)

    assert isinstance(read_setup_file(bytes(content)), SetupFile | Mistakes)


def test_the_first_file_that_exists_is_read(tmp_path: Path) -> None:
    """Its mistakes name it."""
    files = [tmp_path / "none", tmp_path / "wrong", tmp_path / "right"]
    files[2].write_text('domain = "chat.ada.example"')

    assert read_first(files) == SetupFile(domain="chat.ada.example")
    files[1].write_text('domain = "localhost"')
    read = read_first(files)
    assert isinstance(read, Mistakes)
    assert read.sentences[0] == f"In {files[1]}:"


def test_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    """The sentence names all places."""
    files = [tmp_path / "a", tmp_path / "b"]

    assert read_first(files) == Mistakes(
        sentences=(f"chatmail.toml is missing. Write it as {files[0]} or {files[1]}.",)
    )
