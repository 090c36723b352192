"""Spellings are repeatable, and many of them differ."""

from __future__ import annotations

import random

from chatmail_testkit.samples.spellings import Speller


def _paths(seed: int) -> list[str]:
    speller = Speller(
        domain="a.test",
        literals=["192.0.2.1"],
        other_domain="b.test",
        chance=random.Random(seed),
    )
    return [speller.path("alice") for _ in range(300)]


def test_a_seed_repeats_them() -> None:
    """So that a failure can be repeated."""
    assert _paths(1) == _paths(1)


def test_plain_and_odd_ones() -> None:
    """The usual one is among them."""
    paths = _paths(1)

    assert "<alice@a.test>" in paths
    assert len(set(paths)) > 100
