"""Gauges from files: counts of addresses and mail, reports, and when others offered mail."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from chatmaild.flow import last_seen
from chatmaild.metrics import Counters, numbers
from chatmaild.metrics.backups import Last
from chatmaild.rebalance import progress
from chatmaild.rebalance.progress import Progress
from chatmaild.settings import Settings

FAILED: Final = "failed"
# of `chatmail selftest`, below the state directory; and of the unit
REPORT: Final = "selftest.json"
LATEST: Final = Path("/run/chatmail-selftest/report.json")
# of `chatmail-upgrade`
UPGRADE: Final = Path("/var/lib/chatmail-upgrade/last-report.json")
_GOOD_UPGRADES: Final = frozenset(("kept", "unchanged"))


def measure(settings: Settings, counters: Counters) -> None:
    """Set the gauges from all files; a missing file sets none."""
    names = (numbers.ADDRESSES, numbers.MAILBOXES, numbers.CERTIFICATE, numbers.STORAGE)
    found = {name: numbers.read(settings, name) for name in names}
    note_numbers(found, counters)
    note_rebalance(progress.read(settings), counters)
    note_backup(Last.of(settings), counters)
    reports = [
        path for path in (Path(settings.directories.state) / REPORT, LATEST) if path.exists()
    ]
    if reports:
        newest = max(reports, key=lambda path: path.stat().st_mtime)
        note_selftest(newest.read_text(), newest.stat().st_mtime, counters)
    if UPGRADE.exists():
        note_upgrade(UPGRADE.read_text(), UPGRADE.stat().st_mtime, counters)
    for ingress in (last_seen.SMTP, last_seen.HTTPS):
        since_s = last_seen.LastSeen.of(settings, ingress).silent_since_s()
        if since_s is not None:
            counters.set("last_offer_timestamp_seconds", since_s, ingress=ingress)


def note_numbers(found: Mapping[str, Mapping[str, Any]], counters: Counters) -> None:
    """Set the gauges of addresses, mailboxes, their conversion and certificate."""
    addresses, mail = found[numbers.ADDRESSES], found[numbers.MAILBOXES]
    for kind, count in _entries(addresses.get("kinds")):
        counters.set("addresses", count, kind=kind)
    for days, count in _entries(addresses.get("active")):
        counters.set("addresses_active", count, days=days)
    for name, source, member in (
        ("addresses_counted_timestamp_seconds", addresses, "counted_s"),
        ("mailboxes_messages", mail, "messages"),
        ("mailboxes_bytes", mail, "bytes"),
        ("expire_last_success_timestamp_seconds", mail, "counted_s"),
        ("mailboxes_to_convert", found[numbers.STORAGE], "left"),
        ("mailboxes_not_converted", found[numbers.STORAGE], "failed"),
        ("certificate_expiry_timestamp_seconds", found[numbers.CERTIFICATE], "expires_s"),
    ):
        if isinstance(value := source.get(member), int | float):
            counters.set(name, value)


def note_rebalance(moves: Progress, counters: Counters) -> None:
    """Set how the moves to other stores go; a machine that never moved any has no such gauges."""
    if moves.left is not None:
        counters.set("rebalance_addresses_left", moves.left)
        counters.set("rebalance_failing", bool(moves.problem))


def note_backup(last: Last, counters: Counters) -> None:
    """Set what is known of the last backup."""
    if last.failures or last.succeeded_s is not None:
        counters.set("backup_failures", last.failures)
    if last.succeeded_s is not None:
        counters.set("backup_last_success_timestamp_seconds", last.succeeded_s)
        counters.set("backup_last_success_duration_seconds", last.duration_s)
        counters.set("backup_last_success_bytes", last.size_bytes)


def note_selftest(text: str, ended_s: float, counters: Counters) -> None:
    """Set the gauges of the checks; a report that cannot be read changes nothing."""
    try:
        checks = json.loads(text)["checks"]
        passed = {str(check["name"]): _verdict(check) != FAILED for check in checks}
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    counters.drop("selftest_passed")
    for name, is_good in passed.items():
        counters.set("selftest_passed", is_good, check=name)
    counters.set("selftest_timestamp_seconds", ended_s)


def note_upgrade(text: str, ended_s: float, counters: Counters) -> None:
    """Set the gauges of the last upgrade; a report that cannot be read changes nothing."""
    try:
        outcome = str(json.loads(text)["outcome"])
    except (ValueError, KeyError, TypeError):
        return
    counters.set("upgrade_passed", outcome in _GOOD_UPGRADES)
    counters.set("upgrade_timestamp_seconds", ended_s)


def _verdict(check: Mapping[str, Any]) -> str:
    return str(check.get("verdict", check.get("outcome")))


def _entries(found: object) -> list[tuple[str, float]]:
    if not isinstance(found, dict):
        return []
    return [(str(key), value) for key, value in found.items() if isinstance(value, int | float)]
