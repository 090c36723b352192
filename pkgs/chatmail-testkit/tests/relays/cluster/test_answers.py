"""The answers of several machines as one."""

from __future__ import annotations

from chatmail_testkit.relays.cluster.answers import EMPTY_QUEUE, added_up, joined

FILLED = "-Queue ID-  --Size-- ----Arrival Time----\nABC  1 x@a.test\n-- 1 Kbytes in 1 Request.\n"


def test_a_queue_is_empty_if_all_are() -> None:
    """Otherwise those that are not are shown."""
    assert joined([EMPTY_QUEUE, EMPTY_QUEUE]) == EMPTY_QUEUE
    assert joined([EMPTY_QUEUE, FILLED]) == FILLED
    assert joined([FILLED, FILLED]) == FILLED * 2


def test_other_answers_follow_each_other() -> None:
    """In the order of the machines."""
    assert joined(["a\n", "b\n"]) == "a\nb\n"
    assert joined([]) == ""


def test_metrics_are_added_up() -> None:
    """One down is down, and the latest time counts."""
    pages = [
        f"# HELP logins_total Logins.\n# TYPE logins_total counter\n"
        f'logins_total{{result="ok"}} {count}\n'
        f'# HELP unit_up Up.\n# TYPE unit_up gauge\nunit_up{{unit="dovecot"}} {up}\n'
        f"# HELP x_timestamp_seconds When.\n# TYPE x_timestamp_seconds gauge\n"
        f"x_timestamp_seconds {when}\n"
        for count, up, when in ((2, 1, 7.5), (3, 0, 6))
    ]

    assert joined(pages) == added_up(pages)
    assert added_up(pages).splitlines() == [
        "# HELP logins_total Logins.",
        "# TYPE logins_total counter",
        'logins_total{result="ok"} 5',
        "# HELP unit_up Up.",
        "# TYPE unit_up gauge",
        'unit_up{unit="dovecot"} 0',
        "# HELP x_timestamp_seconds When.",
        "# TYPE x_timestamp_seconds gauge",
        "x_timestamp_seconds 7.5",
    ]
