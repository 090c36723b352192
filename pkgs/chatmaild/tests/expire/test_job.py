"""What is deleted: messages, inactive accounts, leftovers, mail over quota."""

import dataclasses
import json
import os
import pathlib
import subprocess
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmaild import expire
from chatmaild.address import Address, parse_address
from chatmaild.expire.retention import over_quota, too_old
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import DAY_S, Mailboxes
from chatmaild.store.maildir import Message, scan

from ..children import chatmaild, environment, finished
from .tree import ALICE, GONE, HERE, HOUR_S, NOW_S, RETENTION, put, run


def test_old_messages_are_deleted(mailboxes: Mailboxes, alice: pathlib.Path) -> None:
    """After 20 days in every folder; large ones after 7 days if they were seen."""
    old = [put(alice, f, 21 * DAY_S) for f in ("cur", "new", "tmp", ".DeltaChat/cur", ".A.B/new")]
    old.append(put(alice, "cur", 8 * DAY_S, size=200001))
    young = [
        put(alice, "cur", 19 * DAY_S),
        put(alice, "cur", 8 * DAY_S, size=200000),
        put(alice, "cur", 6 * DAY_S, size=200001),
        put(alice, "new", 8 * DAY_S, size=200001),
    ]
    (alice / "nearly-full").touch()

    report = run(mailboxes)

    assert [file for file in old if file.exists()] == []
    assert [file for file in young if not file.exists()] == []
    assert not (alice / "nearly-full").exists()
    assert (report.messages, report.deleted_messages) == (10, 6)


def test_a_dry_run_deletes_nothing_and_counts_the_same(
    mailboxes: Mailboxes, alice: pathlib.Path
) -> None:
    """The option `--dry-run`."""
    put(alice, "cur", 21 * DAY_S)
    mailboxes.create(GONE, "hash", now_s=NOW_S - 100 * DAY_S)

    dry = run(mailboxes, dry_run=True)

    assert len(list(scan(str(alice)))) == 1
    assert mailboxes.exists(GONE)
    real = run(mailboxes)
    assert (dry.deleted_messages, dry.deleted_addresses) == (1, 1)
    assert (real.deleted_messages, real.deleted_addresses) == (1, 1)


def test_a_client_cannot_keep_a_message_longer(mailboxes: Mailboxes, alice: pathlib.Path) -> None:
    """Neither by a future date nor by a move to another folder, which renames it."""
    put(alice, "cur", 21 * DAY_S, modified_s=NOW_S + 999 * DAY_S)
    put(alice, ".Moved/cur", 1, modified_s=NOW_S - 21 * DAY_S)

    assert run(mailboxes).deleted_messages == 2


def test_accounts_are_deleted_after_ninety_days_without_login(mailboxes: Mailboxes) -> None:
    """With all messages."""
    mailboxes.create(GONE, "hash", now_s=NOW_S - 92 * DAY_S)
    put(mailboxes.path(GONE), "cur", 1)
    mailboxes.create(HERE, "hash", now_s=NOW_S - 89 * DAY_S)

    report = run(mailboxes)

    assert list(mailboxes.addresses()) == [HERE]
    assert (report.addresses, report.deleted_addresses) == (2, 1)


def test_leftover_directories_are_deleted(mailboxes: Mailboxes) -> None:
    """Empty directories and interrupted deletions; others are reported and stay."""
    ages = {
        "empty@x": 2, "marked@x": 2, "session@x": 2, "fresh@x": 0, "full@x": 2, "mail@x": 2,
        ".deleted-0": 2,
    }  # fmt: skip
    for name, days in ages.items():
        path = mailboxes.directory / name
        path.mkdir()
        if name in ("session@x", "mail@x"):
            for part in ("cur", "new", "tmp", ".DeltaChat/cur"):
                (path / part).mkdir(parents=True)
            (path / "dovecot.index.log").touch()
        if name == "mail@x":
            (path / ".DeltaChat" / "cur" / "1.M1P1.host").touch()
        if name == "marked@x":
            (path / "enforceE2EEincoming").touch()
        if name in ("full@x", ".deleted-0"):
            (path / "file").touch()
        os.utime(path, (NOW_S - days * DAY_S,) * 2)

    report = run(mailboxes)

    assert sorted(p.name for p in mailboxes.directory.iterdir()) == [
        "fresh@x",
        "full@x",
        "mail@x",
    ]
    assert report.deleted_directories == 4
    assert sorted(pathlib.Path(path).name for path in report.needs_care) == ["full@x", "mail@x"]


def test_the_quota_deletes_the_oldest_messages(mailboxes: Mailboxes, alice: pathlib.Path) -> None:
    """Above 75 %, until 70 % are left."""
    files = [put(alice, "cur", (30 + n) * HOUR_S, size=80000) for n in range(10)]

    run(mailboxes)

    # 800,000 of 1,048,576 bytes are 76 %; 70 % are 734,003
    assert [file.exists() for file in files] == [True] * 9 + [False]


def test_one_mailbox_is_cleaned(settings: Settings, mailboxes: Mailboxes) -> None:
    """The command of Dovecot's quota warning, with the current time."""
    mailboxes.create(ALICE, "hash", now_s=time.time())
    directory = mailboxes.path(ALICE) / "cur"
    directory.mkdir(exist_ok=True)
    then = int(time.time()) - 2 * DAY_S
    for number in range(4):
        file = directory / f"{then}.M{number}P1.host,S=100000000,W=1:2,"
        file.touch()
        os.utime(file, (then, then))

    # 400 MB of 500 MiB are 76 %; one less is below 70 %
    assert (
        expire.clean_one(settings, parse_address(str(ALICE).upper()))
        == "quota: deleted 1 of 4 messages"
    )
    assert expire.clean_one(settings, GONE).endswith("0 of 0 messages")


@pytest.mark.parametrize("address", [ALICE, parse_address("-lice1234@chat.example.org")])
def test_dovecot_may_close_standard_output_early(
    settings_json: dict[str, Any], mailboxes: Mailboxes, tmp_path: pathlib.Path, address: Address
) -> None:
    """Its script service does so, and passes the address after `--`; the exit code is 0."""
    mailboxes.create(address, "hash", now_s=time.time())
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings_json))
    reading, writing = os.pipe()
    os.close(reading)

    child = finished(
        chatmaild(file, "quota-clean", "--", str(address)),
        environment(),
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)

    assert (child.returncode, child.stderr) == (0, b"")


def test_the_summary_is_one_line_without_addresses(
    settings: Settings, mailboxes: Mailboxes
) -> None:
    """It goes to the journal."""
    (mailboxes.directory / "strange@x").mkdir()
    (mailboxes.directory / "strange@x" / "file").touch()
    os.utime(mailboxes.directory / "strange@x", (0, 0))

    line = expire.run(settings, dry_run=True, verbose=False)

    assert "\n" not in line
    assert "strange@" not in line
    assert "1 directories need care" in line
    assert "strange@x" in expire.run(settings, dry_run=True, verbose=True)


_MESSAGES = st.lists(
    st.builds(
        Message,
        path=st.just("p"),
        part=st.sampled_from(["cur", "new", "tmp"]),
        time_s=st.floats(NOW_S - 30 * DAY_S, NOW_S),
        size_bytes=st.integers(0, 400000),
    ),
    max_size=20,
)


@given(_MESSAGES)
def test_the_quota_deletes_no_more_than_needed(messages: list[Message]) -> None:
    """No message of the last day, the oldest first, and not below the target."""
    expired = over_quota(messages, RETENTION, NOW_S)

    used = sum(m.size_bytes for m in messages)
    left = used - sum(m.size_bytes for m in expired)
    if used <= 0.75 * 2**20:
        assert expired == []
    if expired:
        assert left + expired[-1].size_bytes > 0.70 * 2**20
        assert max(m.time_s for m in expired) <= NOW_S - DAY_S
        staying = [m for m in messages if m not in expired]
        assert all(m.time_s >= expired[-1].time_s for m in staying)


def test_the_quota_counts_messages() -> None:
    """Above 75 % of the number the oldest go, until 70 % are left, however small they are."""
    retention = dataclasses.replace(RETENTION, max_messages=1000)
    messages = [
        Message(path=str(n), part="new", time_s=NOW_S - 10 * DAY_S + n, size_bytes=1)
        for n in range(751)
    ]

    assert over_quota(messages[:750], retention, NOW_S) == []
    assert over_quota(messages, retention, NOW_S) == messages[:51]


@given(_MESSAGES)
def test_every_message_of_more_than_twenty_days_is_too_old(messages: list[Message]) -> None:
    """Of any size and part."""
    for message in messages:
        assert too_old(message, RETENTION, message.time_s + 20 * DAY_S + 1)
        assert not too_old(message, RETENTION, message.time_s + 6 * DAY_S)
