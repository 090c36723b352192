"""Queue files of Postfix."""

import pytest

from chatmaild.errors import UntakenError
from chatmaild.operator.exchange.upstream.queue_file import parse

from ..old_relay import queue_file, record

MESSAGE = "From: a@x.org\n\nbody"
FILE = queue_file("a@x.org", ["b@y.org", "c@z.org"], MESSAGE, done="d@y.org")


def test_sender_waiting_recipients_and_message() -> None:
    """With the header field that a filter added, and without recipients that are done."""
    queued = parse(FILE)

    assert queued.sender == "a@x.org"
    assert queued.recipients == ("b@y.org", "c@z.org")
    assert queued.message == b"DKIM-Signature: v=1\nFrom: a@x.org\n\nbody\n"


def test_long_lines_and_the_null_sender() -> None:
    """A line without its end continues in the next record."""
    data = record("S", "") + record("R", "b@y.org") + record("M", "")
    data += record("L", "x" * 300) + record("N", "y") + record("X", "") + record("E", "")
    queued = parse(data)

    assert (queued.sender, queued.message) == ("", b"x" * 300 + b"y\n")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        FILE[: len(FILE) // 2],
        record("S", "a@x") + record("E", ""),
        record("p", "0".rjust(15)) + record("p", "1"),
        b"p\x01" + b"0" + record("p", " x"),
        record("S", "a b@x.org") + record("E", ""),
        record("S", b"\xff@x.org") + record("E", ""),
        b"N\xff\xff\xff\xff\xff\xff",
    ],
)
def test_damaged_files_are_refused(data: bytes) -> None:
    """Also one that leads to itself: it ends."""
    with pytest.raises(UntakenError):
        parse(data)


def test_a_circle_ends() -> None:
    """Pointers are counted."""
    with pytest.raises(UntakenError):
        parse(record("S", "a@x.org") + record("p", "9".rjust(15)) * 2)
