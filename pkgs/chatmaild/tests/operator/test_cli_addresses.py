"""`chatmail address`: what it prints, what it changes, how it fails."""

import io
import pathlib
import time

import pytest

from chatmaild.address import parse_address
from chatmaild.directory.placement import winner
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.passwords import verify_password

from .conftest import Chatmail

ALICE = "alice1234@chat.example.org"
ACCOUNT = parse_address(ALICE)


def test_the_life_of_an_address(
    chatmail: Chatmail, mailboxes: Mailboxes, audited: list[str]
) -> None:
    """create, list, show, disable, enable, passwd, delete."""
    code, (address, password) = chatmail("address", "create", "Alice1234")
    assert (code, address) == (0, ALICE)
    assert verify_password(password.encode(), mailboxes.password_hash(ACCOUNT) or "")

    assert chatmail("address", "disable", "alice1234") == (0, [f"disabled {ALICE}"])
    assert mailboxes.is_disabled(ACCOUNT)
    assert chatmail("address", "list")[1][0].startswith(f"{ALICE}  20")
    assert chatmail("address", "list")[1][0].endswith("  disabled")
    assert len(chatmail("address", "list", "--disabled")[1]) == 1
    chatmail("address", "enable", ALICE)
    assert chatmail("address", "list", "--disabled") == (0, [])
    assert "state            active" in chatmail("address", "show", ALICE)[1]
    changed = chatmail("address", "passwd", ALICE)[1][1]
    assert verify_password(changed.encode(), mailboxes.password_hash(ACCOUNT) or "")
    assert chatmail("address", "delete", "--yes", ALICE) == (0, [f"deleted {ALICE}"])

    assert not mailboxes.exists(ACCOUNT)
    assert audited == [
        "address created",
        "address disabled",
        "address enabled",
        "password of an address changed",
        "address deleted",
    ]


def test_an_address_may_begin_with_a_hyphen(chatmail: Chatmail, mailboxes: Mailboxes) -> None:
    """It comes after `--`."""
    address = parse_address("-lice1234@chat.example.org")
    mailboxes.create(address, "hash", now_s=time.time())

    for command in ("show", "disable", "enable", "passwd", "delete"):
        options = ["--yes"] if command == "delete" else []
        assert chatmail("address", command, *options, "--", str(address))[0] == 0

    assert not mailboxes.exists(address)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("address", "show", "nobody123"), "there is no such address"),
        (("address", "delete", "--yes", "nobody123"), "there is no such address"),
        (("address", "disable", "nobody123"), "there is no such address"),
        (("address", "passwd", "nobody123"), "there is no such address"),
        (("address", "show", "a@other.example.org"), "end with @chat.example.org"),
        (("address", "show", "../../x"), "an address has"),
        (("address", "create", "short"), "a name before the @ has 9 characters"),
        (("address", "create", "nine+char"), "made of abcdefghijklmnopqrstuvwxyz0123456789._-"),
        (("address", "delete", "nobody123"), "there is no such address"),
        (("invite", "create", "--expires", "soon"), "a lifetime is a number and h, d or w"),
        (("invite", "revoke", "unknown-token"), "there is no such invite"),
        (("invite", "revoke", "../../x"), "there is no such invite"),
    ],
)
def test_mistakes_get_one_line_and_1(
    chatmail: Chatmail, arguments: tuple[str, ...], message: str
) -> None:
    """Bad input changes nothing."""
    code, (line,) = chatmail(*arguments)

    assert code == 1
    assert message in line


def test_wrong_usage_is_2(chatmail: Chatmail) -> None:
    """As click has it."""
    assert chatmail("invite", "create", "--uses", "0")[0] == 2
    assert chatmail("nothing")[0] == 2


def test_an_existing_address_is_not_made_again(chatmail: Chatmail, mailboxes: Mailboxes) -> None:
    """Its password stays."""
    mailboxes.create(ACCOUNT, "hash", now_s=time.time())

    assert chatmail("address", "create", ALICE) == (1, ["error: the address exists"])
    assert mailboxes.password_hash(ACCOUNT) == "hash"


@pytest.mark.parametrize("command", ["create", "passwd"])
def test_an_empty_line_is_no_password(
    chatmail: Chatmail, mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Somebody who gives one does not want a random one."""
    mailboxes.create(ACCOUNT, "hash", now_s=time.time())
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    name = ALICE if command == "passwd" else "carol5678"

    code, (line,) = chatmail("address", command, name, "--password-stdin")

    assert (code, line) == (1, "error: a password has at least 9 characters")
    assert list(mailboxes.addresses()) == [ACCOUNT]
    assert mailboxes.password_hash(ACCOUNT) == "hash"


def test_deletion_is_asked_for(
    chatmail: Chatmail, mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the whole address; no answer is a no."""
    mailboxes.create(ACCOUNT, "hash", now_s=time.time())
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    code, lines = chatmail("address", "delete", "alice1234")

    assert code == 1
    assert f"Delete {ALICE} and all its mail?" in lines[0]
    assert "nothing was done" in lines[-1]
    assert mailboxes.exists(ACCOUNT)


@pytest.mark.usefixtures("of_store")
def test_a_store_imports_its_own_names(
    chatmail: Chatmail, mailboxes: Mailboxes, tmp_path: pathlib.Path
) -> None:
    """The same list is typed on each store, and each address comes once."""
    names = [f"name{number:05}@chat.example.org" for number in range(20)]
    mine = [name for name in names if winner(name, {"store1": 1, "store2": 1}) == "store1"]
    file = tmp_path / "list"
    file.write_text("".join(f"{name} a-good-password\n" for name in names))

    code, lines = chatmail("address", "import", str(file))

    assert sorted(map(str, mailboxes.addresses())) == sorted(mine)
    others = len(names) - len(mine)
    assert (code, lines) == (
        0,
        [
            f"imported {len(mine)} addresses; 0 existed and stayed as they were; {others} may have"
            " their place on another store: import there, too"
        ],
    )
