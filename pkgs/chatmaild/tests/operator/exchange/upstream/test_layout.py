"""Names and formats of an upstream relay."""

import dataclasses

from chatmaild.operator.exchange.upstream import layout
from chatmaild.settings import Settings
from chatmaild.store.passwords import hash_password

from ..old_relay import sha512_crypt


def test_names_of_directories() -> None:
    """Only an address in its one spelling is one."""
    good = layout.address_of("abc123456@chat.example.org", "chat.example.org")
    literal = layout.address_of("a@[192.0.2.1]", "[192.0.2.1]")

    assert str(good) == "abc123456@chat.example.org"
    assert str(literal) == "a@[192.0.2.1]"
    assert layout.mail_directory("[192.0.2.1]") == "192.0.2.1"
    for name in (
        "lost+found",
        "ABC@chat.example.org",
        "a+b@chat.example.org",
        "a@other.org",
        "a\n@chat.example.org",
        "..@chat.example.org",
        "a@b@chat.example.org",
        "\udcff@chat.example.org",
    ):
        assert layout.address_of(name, "chat.example.org") is None, name


def test_hashes_go_there_and_back() -> None:
    """Dovecot 2.3 takes a hash without a scheme for clear text."""
    ours, theirs = hash_password(b"x"), sha512_crypt()

    assert layout.hash_there(ours) == f"{{CRYPT}}{ours}"
    assert layout.hash_here(layout.hash_there(ours)) == ours
    assert layout.hash_there(theirs) == theirs == layout.hash_here(f"{theirs}\n")
    assert layout.hash_there(theirs.removeprefix("{SHA512-CRYPT}")) == theirs
    assert (layout.hash_there(""), layout.hash_here("")) == ("", "")
    assert [layout.is_good_hash(h) for h in (ours, theirs, "", "{PLAIN}x", "$2y$05$a")] == [
        *[True] * 3,
        *[False] * 2,
    ]


def test_the_selector_is_in_the_key_table() -> None:
    """Of our domain, if a file and DNS can have the name."""
    table = (
        b"# comment\n"
        b"opendkim._domainkey.chat.example.org chat.example.org:opendkim:/etc/dkimkeys/o.private\n"
        b"x._domainkey.other.org other.org:x:/etc/dkimkeys/x.private\n"
        b"y._domainkey.chat.example.org chat.example.org:../y:/etc/dkimkeys/y.private\n\xff\n"
    )

    assert layout.selectors(table, "chat.example.org") == ["opendkim"]
    assert layout.selectors(layout.key_table("a.b").encode(), "a.b") == ["opendkim"]


def test_settings_that_differ_are_named(settings: Settings) -> None:
    """In any spelling of sizes; what is not set there has no say, and what is empty neither."""
    there = {
        "max_user_send_per_minute": "80",
        "max_mailbox_size": "500m",
        "min_free_disk_space": "1G",
        "username_min_length": "9",
        "privacy_mail": "",
        "mtail_address": "127.0.0.1",
    }

    found = layout.differences(there, settings)

    assert [(d.option, d.there, d.here) for d in found] == [("mail.messagesPerMinute", "80", "60")]


def test_our_settings_are_written(settings: Settings) -> None:
    """An exported chatmail.ini has no difference to this relay."""
    contact = dataclasses.replace(settings.contact, postal="Street 1\n[params]\nx = y")
    text = layout.ini_text(dataclasses.replace(settings, contact=contact))
    parameters = layout.parameters(text.encode())

    assert parameters["mail_domain"] == "chat.example.org"
    assert parameters["privacy_postal"] == "Street 1 [params] x = y"
    assert layout.differences(parameters | {"privacy_postal": ""}, settings) == []
    assert [layout.parameters(text) for text in (b"", b"x", b"\xff", b"[other]\na = b")] == [{}] * 4
