"""What `chatmail queue` says about mail that waits."""

import json
from typing import Any

import pytest

from chatmaild.operator.mailqueue import listing
from chatmaild.operator.mailqueue.messages import Message, parse
from chatmaild.operator.mailqueue.reasons import NOT_TRIED, OTHER, in_words

NOW_S = 1_800_000_000.0
TIMEOUT = "connect to peer.test[192.0.2.9]:25: Connection timed out"
SAID = "host peer.test[192.0.2.9] said: 452 4.2.2 <bob@peer.test> mailbox is full"


def _message(
    name: str, age_s: float, *recipients: tuple[str, str], queue: str = "deferred"
) -> dict[str, Any]:
    return {
        "queue_name": queue,
        "queue_id": name,
        "arrival_time": int(NOW_S - age_s),
        "message_size": 500_000,
        "forced_expire": False,
        "sender": "alice@chat.example.org",
        "recipients": [
            {"address": a, "delay_reason": r} if r else {"address": a} for a, r in recipients
        ],
    }


def _parsed(*documents: dict[str, Any], tries: dict[str, float] | None = None) -> list[Message]:
    return list(parse("\n".join(map(json.dumps, documents)) + "\n", tries or {}))


def test_destinations_are_summed_up() -> None:
    """Number, size, age, reasons, next try, and the end."""
    messages = _parsed(
        _message("A", 7200, ("bob@Peer.test", TIMEOUT), ("carol@peer.test", TIMEOUT)),
        _message("B", 60, ("bob@peer.test", SAID), ("dave@other.test", "")),
        tries={"A": NOW_S + 600, "B": NOW_S + 300},
    )

    peer, other = listing.destinations(messages, now_s=NOW_S, lifetime_s=2 * listing.DAY_S)

    assert peer.lines() == [
        "peer.test  2 messages, 1.0 MB, oldest 2 h 0 min",
        "    no answer: timeout (2)",
        "    the mailbox is full (1)",
        "    next try in 5 min; the oldest is returned to its sender in 46 h 0 min",
    ]
    assert other.lines()[1] == f"    {NOT_TRIED} (1)"


def test_held_and_active_mail_has_no_next_try() -> None:
    """It says what happens instead."""
    held, active = (
        _message(name, 60, (f"bob@{name.lower()}.test", ""), queue=queue)
        for name, queue in (("A", "hold"), ("B", "active"))
    )

    a, b = listing.destinations(_parsed(held, active), now_s=NOW_S, lifetime_s=listing.DAY_S)

    assert a.lines()[-1] == "    1 held until `chatmail queue release a.test`"
    assert b.lines()[-1].startswith("    is being tried now; the oldest is returned")


def test_mail_for_a_dead_domain_has_an_hour() -> None:
    """As Postfix is told."""
    messages = _parsed(_message("A", 600, ("bob@peer.test", TIMEOUT)))

    (found,) = listing.destinations(
        messages, now_s=NOW_S, lifetime_s=listing.DAY_S, is_dead=lambda d: d == "peer.test"
    )

    assert found.gives_up_s == 3000


def test_local_parts_are_hashed() -> None:
    """Also in the reasons, for Postfix quotes addresses there; the same one is the same hash."""
    (message,) = _parsed(
        _message("A", 60, ("bob@peer.test", SAID), ("Bob@other.test", TIMEOUT), ("x@a.test", "odd"))
    )

    hidden = "\n".join(listing.message_lines(message, now_s=NOW_S, hide=listing.hidden))
    document = json.dumps(listing.as_document([], [message], listing.hidden))
    shown = "\n".join(listing.message_lines(message, now_s=NOW_S, hide=listing.shown))

    for text in (hidden, document):
        assert "bob" not in text.lower()
        assert "alice" not in text
    assert OTHER in hidden
    assert listing.hidden("bob@a.test").partition("@")[0] in hidden
    assert "bob@peer.test: host peer.test[192.0.2.9] said" in shown


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("", NOT_TRIED),
        (TIMEOUT, "no answer: timeout"),
        (SAID, "the mailbox is full"),
        ("connect to x[1.2.3.4]:25: Connection refused", "no server listens: connection refused"),
        ("connect to x[1.2.3.4]:25: No route to host", "no route to the server"),
        (
            "Host or domain name not found. Name service error for name=x type=MX: Host not found,"
            " try again",
            "DNS has no answer",
        ),
        ("Server certificate not verified", "TLS fails"),
        ("TLS is required, but was not offered by host x", "TLS fails"),
        ("host x said: 450 4.2.0 Greylisted", "greylisted: a later try is accepted"),
        ("host x said: 421 no", "the server refuses for now"),
        ("lost connection with x while receiving the initial server greeting", "the server breaks"
         " the connection"),
        ("host [127.0.0.1] said: 451 4.4.1 No host took the message over HTTPS", "neither HTTPS nor"
         " SMTP works"),
        ("delivery temporarily suspended: something", "not tried: another message failed just"
         " before"),
        ("a new text with bob@x", OTHER),
    ],
)  # fmt: skip
def test_reasons_are_words(reason: str, words: str) -> None:
    """Postfix' text is for those who know Postfix."""
    assert in_words(reason) == words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (200_000, "2 d 7 h")],
)
def test_times_have_two_units(seconds: float, text: str) -> None:
    """At most."""
    assert listing.ago(seconds) == text
