"""Where a command of a scenario runs."""

from __future__ import annotations

import pytest

from chatmail_testkit.relays.cluster.places import (
    Place,
    addresses_in,
    place_of,
    units_in,
    without_addresses,
)
from chatmail_testkit.relays.target import AS_VMAIL

MAIL = "/var/lib/chatmail/mail"
METRICS = "http://127.0.0.1:8700/metrics"


@pytest.mark.parametrize(
    ("place", "command"),
    [
        (Place.FIRST_FRONT, ("chatmail", "address", "delete", "x@a.test", "--yes")),
        (Place.FIRST_FRONT, ("sh", "-c", "chatmail status || true")),
        (Place.FIRST_FRONT, ("cat", "/etc/chatmail/settings.json")),
        (Place.FIRST_FRONT, ("curl", "-w", "%{time_total}", METRICS)),
        (Place.QUEUE, ("chatmail", "queue", "drop", "x.test")),
        (Place.FRONTS, ("postqueue", "-f")),
        (Place.FRONTS, ("sh", "-c", "while postqueue -f; do sleep 3; done")),
        (Place.FRONTS, ("nft", "-f", "-")),
        (Place.FRONTS, ("python3", "-c", "dovecot", "/var/lib/postfix/queue/private/auth")),
        (Place.FRONTS, ("cat", "/var/lib/chatmail/dkim/chatmail.private")),
        (Place.STORES, ("ls", MAIL)),
        (Place.STORES, ("touch", "/etc/chatmail-nocreate")),
        (Place.STORES, ("touch", f"{MAIL}/x@a.test/DISABLED")),
        (Place.STORES, ("doveadm", "kick", "x@a.test")),
        (Place.STORES, (*AS_VMAIL, "chatmaild", "expire", "--dry-run")),
        (Place.STORES, ("python3", "-c", "import os # chatmail status", f"{MAIL}/x@a.test", "3")),
        (Place.UNITS, ("systemctl", "restart", "postfix", "dovecot")),
        (Place.UNITS, ("sh", "-c", "systemctl stop death || true")),
        (Place.ALL, ("journalctl", "--no-pager")),
        (Place.ALL, ("chatmail", "log-mail", "--for", "30s")),
        (Place.ALL, ("curl", "-s", METRICS)),
    ],
)
def test_a_command_says_where_it_runs(place: Place, command: tuple[str, ...]) -> None:
    """By its program, or by the first file or program that it names."""
    assert place == place_of(command)


def test_addresses() -> None:
    """Those of the domain, once each, also within paths."""
    command = ("rm", f"{MAIL}/x@a.test/DISABLED", "y@a.test", "x@a.test", "z@b.test")

    assert addresses_in(command, "a.test") == ["x@a.test", "y@a.test"]
    assert without_addresses(command, ["x@a.test"]) == ["rm", "y@a.test", "z@b.test"]


@pytest.mark.parametrize(
    ("units", "command"),
    [
        (["postfix", "x.timer"], ("systemctl", "--no-block", "restart", "postfix", "x.timer")),
        (["x.timer"], ("systemctl", "show", "x.timer", "--property", "ActiveState")),
        ([], ("systemctl", "daemon-reload")),
        (["a", "b"], ("sh", "-c", "systemctl reset-failed a && systemctl kill -s KILL b; true")),
    ],
)
def test_units(units: list[str], command: tuple[str, ...]) -> None:
    """All words after the verb that are no options or values of options."""
    assert units == units_in(command)
