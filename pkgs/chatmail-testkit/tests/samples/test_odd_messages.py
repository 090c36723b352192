"""A series of odd messages is the same for the same seed."""

from __future__ import annotations

from chatmail_testkit.samples import odd_messages


def _series(seed: int) -> list[odd_messages.Draft]:
    return odd_messages.series(seed, "a@a.test", "b@b.test", b"packets", range(60))


def test_a_seed_repeats_it() -> None:
    """The oddities and their order, so that a failure can be repeated."""
    assert [d.oddities for d in _series(1)] == [d.oddities for d in _series(1)]
    assert [d.oddities for d in _series(1)] != [d.oddities for d in _series(2)]


def test_the_first_ones_have_one_oddity() -> None:
    """Each of its own."""
    firsts = [draft.oddities for draft in _series(1)[:30]]

    assert {len(oddities) for oddities in firsts} == {1}
    assert len({oddities[0] for oddities in firsts}) == 30


def test_split() -> None:
    """Folded lines belong to their field."""
    fields, body = odd_messages.split(b"A: 1\r\nB: 2\r\n  more\r\n\r\nbody")

    assert (fields, body) == ([b"A: 1", b"B: 2\r\n  more"], b"body")
