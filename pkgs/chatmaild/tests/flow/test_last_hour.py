"""Counters of the last hour."""

import json
import pathlib

from chatmaild.flow.last_hour import NAME, LastHour, parse, read
from chatmaild.metrics import Counters


def test_only_the_last_hour_counts(tmp_path: pathlib.Path) -> None:
    """Minute by minute, older ones fall out."""
    now_s = [0.0]
    counters = Counters()
    counters.add("logins", 5, result="accepted")
    flow = LastHour(tmp_path / NAME, counters.text, lambda: now_s[0])
    for minute in range(1, 91):
        now_s[0] = minute * 60.0
        counters.add("logins", result="accepted")
        flow.step()

    since_s, counts = read([tmp_path / NAME])

    assert since_s == 1800
    assert counts == {'chatmail_logins_total{result="accepted"}': 60}


def test_processes_are_added(tmp_path: pathlib.Path) -> None:
    """Since the youngest of them counts; a missing or broken file is left out."""
    files = [tmp_path / name for name in ("a", "b", "c", "d")]
    files[0].write_text(json.dumps({"since": 100, "counts": {"x": 1}}))
    files[1].write_text(json.dumps({"since": 200, "counts": {"x": 2, "y": 3}}))
    files[2].write_text("{}")

    assert read(files) == (200.0, {"x": 3, "y": 3})
    assert read([]) == (None, {})


def test_a_full_disk_stops_nothing(tmp_path: pathlib.Path) -> None:
    """The file is for the operator alone."""
    LastHour(tmp_path / "missing" / NAME, Counters().text).step()


def test_a_page_is_read() -> None:
    """Comments and other numbers are not counters."""
    text = '# TYPE a counter\na_total{b="c d"} 3\nload 0.5\na_total 2\n'

    assert parse(text) == {'a_total{b="c d"}': 3, "a_total": 2}
