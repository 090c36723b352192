"""Files of jobs and of the selftest."""

import json
import pathlib

import pytest

from chatmaild.flow.last_seen import HTTPS, LastSeen
from chatmaild.metrics import Counters, numbers
from chatmaild.metrics.backups import Last
from chatmaild.monitor import reports
from chatmaild.rebalance.progress import Progress
from chatmaild.settings import Settings


def test_counts_of_jobs(settings: Settings) -> None:
    """Each in its gauge."""
    addresses = {"counted_s": 7, "kinds": {"user": 5, "ci": 1}, "active": {"1": 2}}
    numbers.write(settings, numbers.ADDRESSES, addresses)
    numbers.write(settings, numbers.MAILBOXES, {"counted_s": 8, "messages": 9, "bytes": 1000})
    numbers.write(settings, numbers.CERTIFICATE, {"expires_s": 99})
    counters = Counters()
    reports.measure(settings, counters)
    value = counters.value

    assert (value("addresses", kind="user"), value("addresses_active", days="1")) == (5, 2)
    assert (value("mailboxes_messages"), value("mailboxes_bytes")) == (9, 1000)
    assert value("addresses_counted_timestamp_seconds") == 7
    assert value("expire_last_success_timestamp_seconds") == 8
    assert value("certificate_expiry_timestamp_seconds") == 99


def test_moves_to_other_stores(settings: Settings) -> None:
    """A store whose addresses cannot move says so until they do."""
    counters = Counters()
    Progress(left=3, running=True, problem="an address did not move: full").write(settings)
    reports.measure(settings, counters)
    value = counters.value

    assert (value("rebalance_addresses_left"), value("rebalance_failing")) == (3, 1)

    Progress(left=0, moved=3).write(settings)
    reports.measure(settings, counters)
    assert (value("rebalance_addresses_left"), value("rebalance_failing")) == (0, 0)


def test_without_files_there_are_no_numbers(settings: Settings) -> None:
    """0 would be a lie."""
    counters = Counters()
    reports.measure(settings, counters)

    assert counters.text() == ""


@pytest.mark.parametrize("key", ["verdict", "outcome"])
def test_the_last_selftest(key: str, settings: Settings) -> None:
    """Warnings are no failures; checks that are gone vanish."""
    counters = Counters()
    counters.set("selftest_passed", 1, check="gone")
    checks = [{"name": "dkim", key: "failed"}, {"name": "queue", key: "warned"}]
    file = pathlib.Path(settings.directories.state) / "selftest.json"
    file.write_text(json.dumps({"checks": checks}))
    reports.measure(settings, counters)

    assert 'chatmail_selftest_passed{check="dkim"} 0' in counters.text()
    assert 'chatmail_selftest_passed{check="queue"} 1' in counters.text()
    assert "gone" not in counters.text()
    assert counters.value("selftest_timestamp_seconds") == file.stat().st_mtime


@pytest.mark.parametrize(
    ("outcome", "passed"), [("kept", 1), ("unchanged", 1), ("returned", 0), ("build failed", 0)]
)
def test_the_last_upgrade(outcome: str, passed: int) -> None:
    """It stayed, or there was nothing to do."""
    counters = Counters()
    reports.note_upgrade(json.dumps({"outcome": outcome}), 7.0, counters)

    assert f"chatmail_upgrade_passed {passed}\n" in counters.text()
    assert counters.value("upgrade_timestamp_seconds") == 7


@pytest.mark.parametrize("text", ["", "[]", "{}", "1"])
def test_a_damaged_report_of_an_upgrade_changes_nothing(text: str) -> None:
    """The next one will be read."""
    counters = Counters()
    reports.note_upgrade(text, 1.0, counters)

    assert counters.text() == ""


def test_when_others_offered_mail(settings: Settings) -> None:
    """The time of a file, of each ingress."""
    file = LastSeen.of(settings, HTTPS).path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    counters = Counters()
    reports.measure(settings, counters)

    assert counters.value("last_offer_timestamp_seconds", ingress="https") == file.stat().st_mtime
    assert 'ingress="smtp"' not in counters.text()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"checks": [1]}', '{"checks": [{}]}'])
def test_a_damaged_report_changes_nothing(text: str) -> None:
    """The next one will be read."""
    counters = Counters()
    reports.note_selftest(text, 1.0, counters)

    assert counters.text() == ""


def test_the_last_backup(settings: Settings) -> None:
    """A failure before the first success has no time of a success."""
    Last().failed("no space").store(settings)
    failed = Counters()
    reports.measure(settings, failed)
    Last(succeeded_s=5, failures=1, duration_s=2.5, size_bytes=9).store(settings)
    counters = Counters()
    reports.measure(settings, counters)
    value = counters.value

    assert failed.value("backup_failures") == 1
    assert "backup_last_success" not in failed.text()
    assert (value("backup_last_success_timestamp_seconds"), value("backup_failures")) == (5, 1)
    assert value("backup_last_success_duration_seconds") == 2.5
    assert value("backup_last_success_bytes") == 9
