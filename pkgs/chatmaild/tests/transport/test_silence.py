"""Mail for a domain that has not answered for a month is returned after an hour of tries."""

import json
import pathlib

import pytest

from chatmaild.transport import silence
from chatmaild.transport.silence import DAY_S, GAP_DAYS, MAX_ENTRIES, SILENT_DAYS, Silence

PEER = "peer.test"


class Clock:
    """Unix seconds, set by the test."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s

    def days(self, count: float) -> None:
        """Let days pass."""
        self.now_s += count * DAY_S


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def known(clock: Clock) -> Silence:
    """Nothing is known yet."""
    return Silence(b"k" * 32, clock)


def _fails_daily(known: Silence, clock: Clock, days: int) -> None:
    for _ in range(days):
        known.fails(PEER)
        clock.days(1)


def _tries(known: Silence, clock: Clock, minutes: int) -> bool:
    """Try every ten minutes, in vain; return the last decision."""
    given_up = False
    for _ in range(0, minutes, 10):
        given_up = known.gives_up(PEER)
        if not given_up:
            known.fails(PEER)
        clock.now_s += 600
    return given_up


def test_a_month_of_failures_is_needed(known: Silence, clock: Clock) -> None:
    """Before that, mail waits as long as the operator set."""
    _fails_daily(known, clock, SILENT_DAYS - 1)
    assert not _tries(known, clock, 120)

    clock.days(1)
    known.fails(PEER)
    assert known.is_dead(PEER)


def test_mail_is_returned_after_an_hour_of_tries(known: Silence, clock: Clock) -> None:
    """Not at once, and again after each pause; later mail is returned until the next hour."""
    _fails_daily(known, clock, SILENT_DAYS + 1)

    assert not _tries(known, clock, 60)
    assert known.gives_up(PEER)
    clock.now_s += 3700
    assert not known.gives_up(PEER)
    assert not _tries(known, clock, 60)
    assert known.gives_up(PEER)
    clock.now_s += 3500
    assert known.gives_up(PEER)
    clock.now_s += 200
    assert not known.gives_up(PEER)


def test_without_failures_nothing_is_returned(known: Silence, clock: Clock) -> None:
    """Mail that Postfix delivers by SMTP is asked for here, too, and never fails."""
    _fails_daily(known, clock, SILENT_DAYS + 1)

    for _ in range(30):
        clock.now_s += 600
        assert not known.gives_up(PEER)


def test_an_answer_ends_it(known: Silence, clock: Clock) -> None:
    """One is enough."""
    _fails_daily(known, clock, SILENT_DAYS + 1)
    _tries(known, clock, 70)
    known.answers(PEER)

    assert not known.gives_up(PEER)
    assert not known.is_dead(PEER)
    assert known.changed


def test_without_mail_nothing_is_known(known: Silence, clock: Clock) -> None:
    """A pause begins the month anew."""
    _fails_daily(known, clock, SILENT_DAYS + 1)
    clock.days(GAP_DAYS + 1)
    assert not known.is_dead(PEER)

    known.fails(PEER)
    assert not known.is_dead(PEER)


def test_the_disk_names_no_domain(tmp_path: pathlib.Path) -> None:
    """It has hashes by a key of this machine; another process reads them."""
    known = silence.open_(tmp_path)
    known.fails(PEER)
    silence.save(known, tmp_path)

    content = (tmp_path / silence.DIRECTORY / "domains").read_text()
    assert PEER not in content
    assert len(json.loads(content)) == 1
    again = silence.open_(tmp_path)
    again.answers(PEER)
    assert again.changed


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b'{"a": 1}', b'{"a": ["x", 2]}', b"{"])
def test_a_broken_file_is_forgotten(known: Silence, content: bytes) -> None:
    """The service starts nevertheless."""
    known.load(content)

    assert known.as_json() == b"{}"


def test_old_and_future_entries_are_forgotten(known: Silence, clock: Clock) -> None:
    """They tell nothing."""
    today = int(clock.now_s // DAY_S)
    kept = {"a": [today - 40, today - GAP_DAYS - 1], "b": [today, today + 1], "c": [today, today]}
    known.load(json.dumps(kept).encode())

    assert list(json.loads(known.as_json())) == ["c"]


def test_a_full_disk_is_survived(tmp_path: pathlib.Path, known: Silence) -> None:
    """What could not be written is written later."""
    known.fails(PEER)
    silence.save(known, tmp_path / "missing")

    assert known.changed


def test_the_number_is_bounded(known: Silence) -> None:
    """Senders choose the names."""
    for number in range(MAX_ENTRIES + 10):
        known.fails(f"{number}.test")

    assert len(json.loads(known.as_json())) == MAX_ENTRIES
