"""Messages are deleted when no delivery of them is under way."""

import json

from chatmaild.operator.mailqueue.deletion import delete

Calls = list[list[str]]


def _line(name: str, queue: str) -> str:
    return json.dumps(
        {
            "queue_name": queue,
            "queue_id": name,
            "arrival_time": 0,
            "message_size": 1,
            "sender": "",
            "recipients": [],
        }
    )


def test_a_delivery_ends_first() -> None:
    """Postfix' file of reasons is complete before it is deleted."""
    listings = [_line("A", "active"), _line("A", "incoming"), _line("A", "deferred")]
    calls: Calls = []

    def run(command: list[str], stdin: str) -> str:
        calls.append([*command, stdin])
        return listings.pop(0) if command[0] == "postqueue" else ""

    delete(["A"], run)

    assert calls == [["postqueue", "-j", ""]] * 3 + [["postsuper", "-d", "-", "A\n"]]


def test_a_delivery_of_others_is_not_waited_for() -> None:
    """Only the messages that are deleted count."""
    assert _deleted(["A", "B"], _line("C", "active"), patience_s=3600) == "A\nB\n"


def test_patience_ends() -> None:
    """A server may take minutes to answer."""
    assert _deleted(["A"], _line("A", "active"), patience_s=0) == "A\n"


def test_nothing_to_delete() -> None:
    """Without a name, postsuper is not asked."""
    assert _deleted([], "", patience_s=0) == ""


def _deleted(names: list[str], listing: str, *, patience_s: float) -> str:
    deleted = ""

    def run(command: list[str], stdin: str) -> str:
        nonlocal deleted
        deleted += stdin
        return listing if command[0] == "postqueue" else ""

    delete(names, run, patience_s=patience_s)
    return deleted
