"""Postfix' queue in numbers."""

import json
import pathlib
import time

import pytest

from chatmaild.metrics import Counters, numbers
from chatmaild.monitor import queue
from chatmaild.settings import Settings


def _line(name: str, age_s: float) -> str:
    recipients = [{"address": "eve@example.org", "delay_reason": "timeout"}]
    entry = {"queue_name": name, "arrival_time": 100_000 - age_s, "recipients": recipients}
    return json.dumps({**entry, "sender": "alice@example.org"}) + "\n"


def test_state_and_age() -> None:
    """Of every message; empty queues are 0, and nobody is named."""
    counters = Counters()
    lines = [_line("active", 1), _line("deferred", 700), _line("deferred", 90_000)]
    found = {"counted_s": 100_000.0, **queue.tally(lines, now_s=100_000)}
    queue.note(found, counters, now_s=100_010)
    value = counters.value

    assert "example.org" not in json.dumps(found)
    assert [value("queue_messages", queue=name) for name in queue.QUEUES] == [0, 0, 1, 2, 0]
    assert value("queue_oldest_age_seconds", queue="deferred") == 90_010
    ages = [value("queue_age_messages", age=age) for age in ("10m", "1h", "1d", "more")]
    assert ages == [1, 1, 0, 1]


@pytest.mark.parametrize("found", [{}, {"counted_s": 1000.0}, {"counted_s": 1.0, "messages": {}}])
def test_without_postfix_there_are_no_numbers(found: dict[str, float]) -> None:
    """Old ones would look like a queue that does not move."""
    counters = Counters()
    counters.set("queue_messages", 3, queue="active")
    queue.note(found, counters, now_s=1010)

    assert counters.value("source_up", source="postfix") == 0
    assert "queue_messages" not in counters.text()


@pytest.mark.parametrize(
    ("script", "is_up"),
    [("exit 0", True), ("exit 69", False), ("echo nonsense", False), (None, False)],
)
def test_the_job_asks_postfix(
    script: str | None, is_up: bool, settings: Settings, tmp_path: pathlib.Path
) -> None:
    """An empty queue is one, no answer is none."""
    program = tmp_path / "postqueue"
    if script is not None:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    queue.run(settings, str(program))
    found = numbers.read(settings, numbers.QUEUE)

    assert found["counted_s"] == pytest.approx(time.time(), abs=60)
    assert ("messages" in found) == is_up
