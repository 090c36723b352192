"""The queue by destination."""

import json

from chatmaild.operator.status.queue import age, by_destination, messages, words

NOW_S = 100_000.0


def line(arrival_s: float, *recipients: str) -> str:
    found = [{"address": address} for address in recipients]
    return json.dumps({"arrival_time": arrival_s, "recipients": found})


LISTING = "\n".join(
    [
        line(NOW_S - 7200, "a@slow.example", "b@slow.example"),
        line(NOW_S - 60, "c@slow.example", "d@fast.example"),
        line(NOW_S - 30, "e@[192.0.2.1]"),
    ]
)


def test_messages_are_counted_by_domain() -> None:
    """A message to two people of a domain counts once."""
    assert [(d.domain, d.messages) for d in by_destination(LISTING)] == [
        ("slow.example", 2),
        ("[192.0.2.1]", 1),
        ("fast.example", 1),
    ]


def test_the_line_names_domains_and_no_address() -> None:
    """With the age of the oldest message."""
    text = words(by_destination(LISTING), messages(LISTING), now_s=NOW_S, most=1)

    assert text == "3 messages: 2 to slow.example (oldest 2 h), 2 other domains"


def test_an_empty_queue_is_empty() -> None:
    """The usual case."""
    assert words(by_destination(""), messages(""), now_s=NOW_S) == "empty"


def test_ages_are_short() -> None:
    """In the largest unit."""
    assert [age(s) for s in (5, 90, 7200, 200000)] == ["5 s", "2 min", "2 h", "2 d"]
