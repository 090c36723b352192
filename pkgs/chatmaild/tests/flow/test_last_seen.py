"""When a mail server of others was here."""

import os
import pathlib

import pytest

from chatmaild.flow.last_seen import LastSeen


@pytest.mark.parametrize("client", ["203.0.113.5", "IPv6:2001:db8::1", "2001:db8::1"])
def test_a_client_from_outside_is_noted(tmp_path: pathlib.Path, client: str) -> None:
    """As a time, without its IP address."""
    seen = LastSeen(tmp_path / "seen")
    assert seen.time_s() is None

    seen.note(client)

    assert seen.time_s() is not None
    assert (tmp_path / "seen").read_bytes() == b""


@pytest.mark.parametrize("client", ["127.0.0.1", "::1", "IPv6:::1", "", "unknown"])
def test_this_machine_is_not(tmp_path: pathlib.Path, client: str) -> None:
    """The selftest uses port 25, too."""
    seen = LastSeen(tmp_path / "seen")

    seen.note(client)

    assert seen.time_s() is None


def test_a_minute_passes_between_two_notes(tmp_path: pathlib.Path) -> None:
    """A flood of mail costs one system call a minute."""
    now_s = [1000.0]
    seen = LastSeen(tmp_path / "seen", lambda: now_s[0])
    seen.note("203.0.113.5")
    (tmp_path / "seen").unlink()

    seen.note("203.0.113.5")
    assert seen.time_s() is None
    now_s[0] += 61
    seen.note("203.0.113.5")

    assert seen.time_s() is not None


def test_the_start_counts_until_others_come(tmp_path: pathlib.Path) -> None:
    """Then the last time counts, also after another start."""
    seen = LastSeen(tmp_path / "seen")
    assert seen.silent_since_s() is None
    seen.begin()
    assert seen.time_s() is None
    assert seen.silent_since_s() is not None

    seen.note("203.0.113.5")
    os.utime(tmp_path / "seen", (1000, 1000))
    seen.begin()

    assert (seen.time_s(), seen.silent_since_s()) == (1000, 1000)


def test_a_directory_that_is_gone_stops_no_mail(tmp_path: pathlib.Path) -> None:
    """Nothing is raised."""
    LastSeen(tmp_path / "missing" / "seen").note("203.0.113.5")
