"""A message is the same after stuffing and unstuffing, in pieces of any size."""

import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from chatmaild.wire.smtp.dots import Stuffer, Unstuffer

lines = st.lists(st.sampled_from([b"", b".", b"..", b".x", b"x.", b"x", b"\r.", b"."]), max_size=8)
messages = lines.map(lambda parts: b"".join(part + b"\r\n" for part in parts))
cuts = st.lists(st.integers(min_value=0, max_value=40), max_size=10)


def _pieces(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def _stuffed(data: bytes, places: list[int]) -> bytes:
    stuffer = Stuffer()
    return b"".join(stuffer.feed(piece) for piece in _pieces(data, places)) + stuffer.end()


@given(messages, cuts, cuts, st.binary(max_size=5))
@example(b"", [], [], b"")
@example(b".\r\n", [1], [1, 2, 3, 4, 5], b"QUIT\r\n")
def test_round_trip(message: bytes, first: list[int], second: list[int], rest: bytes) -> None:
    """A message of CRLF lines is unchanged; the bytes after the end are kept."""
    sent = _stuffed(message, first) + rest
    unstuffer = Unstuffer()
    got = b""
    for piece in _pieces(sent, second):
        if unstuffer.rest is None:
            got += unstuffer.feed(piece)
            consumed = unstuffer.rest

    assert message == got
    assert consumed is not None


@given(st.binary(max_size=30).map(lambda data: bytes(b"\r\n.x"[byte % 4] for byte in data)), cuts)
def test_only_the_end_looks_like_the_end(message: bytes, places: list[int]) -> None:
    """A lone dot stands only at the end, also for servers that accept a bare LF."""
    sent = _stuffed(message, places)

    assert sent.endswith(b".\r\n")
    inside = (b"\r\n" + sent)[: -len(b".\r\n")]
    assert inside.replace(b"\r\n", b"").count(b"\n") == 0
    assert b"\n.\n" not in inside
    assert b"\n.\r" not in inside


@given(messages, cuts)
def test_pieces_do_not_matter(message: bytes, places: list[int]) -> None:
    """Sent in pieces or at once, the bytes are the same."""
    assert _stuffed(message, []) == _stuffed(message, places)


def test_a_missing_last_line_end_is_added() -> None:
    """The lone dot starts a line of its own."""
    assert _stuffed(b"x", []) == b"x\r\n.\r\n"


def test_a_bare_line_feed_becomes_a_line_end() -> None:
    """Also where a piece ends before it."""
    assert _stuffed(b"a\n.\nb\r\n", [1, 2, 3, 4, 5, 6]) == b"a\r\n..\r\nb\r\n.\r\n"
