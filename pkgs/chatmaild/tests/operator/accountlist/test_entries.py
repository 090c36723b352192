"""`chatmail address list`: filters, JSON, and its speed."""

import json
import os
import pathlib
import time

import pytest

from chatmaild.address import parse_address
from chatmaild.operator.accountlist.entries import Filters, day_start_s
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import DAY_S, ENFORCE_ENCRYPTION, Mailboxes, account_of, floor_to_day

from ..conftest import Chatmail

DOMAIN = "chat.example.org"


@pytest.fixture
def people(mailboxes: Mailboxes) -> None:
    """Old and new, used and unused, disabled and large ones."""
    now_s = time.time()
    for name, created_days, login_days in (
        ("ancient12", 400, 100),
        ("newcomer1", 1, 0),
        ("ci-abcdef", 40, 40),
    ):
        address = parse_address(f"{name}@{DOMAIN}")
        mailboxes.create(address, "hash", now_s=now_s)
        home = mailboxes.path(address)
        marker = home / ENFORCE_ENCRYPTION
        for path, days in ((marker, created_days), (home / "password", login_days)):
            at_s = floor_to_day(now_s) - days * DAY_S + (3600 if path == marker else 0)
            os.utime(path, (at_s, at_s))
        if name != "ci-abcdef":
            _use(home, "cur", "new", "tmp")
    mailboxes.set_disabled(parse_address(f"ancient12@{DOMAIN}"), disabled=True)
    (mailboxes.path(parse_address(f"ancient12@{DOMAIN}")) / "cur" / "1.x,S=2500000:2,").touch()
    (mailboxes.directory / "UPPER@case").mkdir()
    (mailboxes.directory / "no-account").mkdir()


def _use(home: pathlib.Path, *directories: str) -> None:
    """Make what Dovecot makes when it opens the INBOX first."""
    for name in directories:
        (home / name).mkdir(parents=True, exist_ok=True)


@pytest.mark.parametrize(
    ("made", "used"),
    [
        # of a version before 0.4
        ((), ("cur", "new", "tmp")),
        # while a new version is on trial
        (("cur",), ("cur", "new", "tmp")),
        (("mailboxes",), ("mailboxes/INBOX/dbox-Mails",)),
    ],
)
def test_a_creation_is_no_use(
    chatmail: Chatmail, settings: Settings, made: tuple[str, ...], used: tuple[str, ...]
) -> None:
    """In both formats; the first session or message is."""
    home = pathlib.Path(settings.directories.mail) / f"someone12@{DOMAIN}"
    home.mkdir()
    (home / "password").touch()
    _use(home, *made)

    assert chatmail("address", "list", "--plain", "--never-used")[1] == [home.name]
    _use(home, *used)
    assert chatmail("address", "list", "--plain", "--never-used")[1] == []


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", "ancient12 ci-abcdef newcomer1"),
        ("--disabled", "ancient12"),
        ("--enabled", "ci-abcdef newcomer1"),
        ("--created-before 30d", "ancient12 ci-abcdef"),
        ("--created-after 60d", "ci-abcdef newcomer1"),
        ("--created-after 60d --created-before 30d", "ci-abcdef"),
        ("--created-after 1d", "newcomer1"),
        ("--created-before 2001-01-01", ""),
        ("--login-before 40d", "ancient12"),
        ("--login-after 40d", "ci-abcdef newcomer1"),
        ("--never-used", "ci-abcdef"),
        ("--match CI-*", "ci-abcdef"),
        ("--match *1@chat.*", "newcomer1"),
        ("--match *@other.org", ""),
        ("--larger-than 2", "ancient12"),
        ("--larger-than 3", ""),
    ],
)
def test_filters(chatmail: Chatmail, options: str, expected: str) -> None:
    """They can be combined."""
    code, lines = chatmail("address", "list", "--plain", *options.split())

    assert (code, lines) == (0, [f"{name}@{DOMAIN}" for name in expected.split()])


@pytest.mark.usefixtures("people")
def test_json_has_all_facts(chatmail: Chatmail) -> None:
    """An object a line."""
    (line,) = chatmail("address", "list", "--json", "--match", "ci-*")[1]

    found = json.loads(line)
    assert found["address"] == f"ci-abcdef@{DOMAIN}"
    assert day_start_s(found["created"]) == day_start_s("40d")
    assert day_start_s(found["lastLogin"]) == day_start_s("40d")
    assert (found["disabled"], found["used"]) == (False, False)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("day", ["yesterday", "30", "2026-13-01", "9999999d", "\udcff"])
def test_a_day_that_cannot_be_read_is_one_line(chatmail: Chatmail, day: str) -> None:
    """It says what a day is like."""
    code, lines = chatmail("address", "list", "--created-before", day)

    assert (code, lines) == (1, ["error: a day is like 2026-11-29, or 30d for 30 days ago"])


@pytest.mark.parametrize(
    "name", ["a@b", ".@b", "..a@b", "a+b@c", "A@b", "a@b@c", "a b@c", "a", "@", "a@", "é@b", "a/b"]
)
def test_the_names_are_those_of_accounts(tmp_path: pathlib.Path, name: str) -> None:
    """The fast rule and the full one agree."""
    if "/" not in name:
        (tmp_path / name).mkdir()
        (tmp_path / name / "password").touch()
    listed = [entry.address for entry in Filters().select(str(tmp_path), complete=False)]

    assert listed == ([name] if account_of(name) else [])


def test_export_and_import(
    chatmail: Chatmail, mailboxes: Mailboxes, settings: Settings, tmp_path: pathlib.Path
) -> None:
    """Hashes, days and the disabled state survive; what exists stays."""
    file = tmp_path / "list"
    created = [chatmail("address", "create")[1][0] for _ in range(3)]
    chatmail("address", "disable", created[0])
    hashes = {name: mailboxes.password_hash(parse_address(name)) for name in created}
    assert chatmail("address", "export", str(file))[0] == 0
    assert file.stat().st_mode & 0o777 == 0o600
    for name in created[:2]:
        mailboxes.delete(parse_address(name))

    code, (line,) = chatmail("address", "import", str(file))

    assert code == 0
    assert line == "imported 2 addresses; 1 existed and stayed as they were"
    assert {name: mailboxes.password_hash(parse_address(name)) for name in created} == hashes
    assert mailboxes.is_disabled(parse_address(created[0]))


def test_a_plain_list_is_taken(
    chatmail: Chatmail, mailboxes: Mailboxes, tmp_path: pathlib.Path
) -> None:
    """Passwords are given or made; lines that are wrong do not stop the others."""
    file = tmp_path / "list"
    file.write_text(
        f"# school\nalice1234 a long password\n\nbob123456@{DOMAIN}\nshort\nx@other.org\n"
        '{"address": 1}\n{\n'
    )

    code, lines = chatmail("address", "import", str(file))

    assert code == 0
    made, summary = lines
    assert made.startswith(f"bob123456@{DOMAIN}  ")
    assert summary.startswith("imported 2 addresses; 0 existed")
    assert "4 lines failed, the first: line 5: " in summary
    assert sorted(str(a) for a in mailboxes.addresses()) == [
        f"alice1234@{DOMAIN}",
        f"bob123456@{DOMAIN}",
    ]
