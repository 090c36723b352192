"""Limits of a transaction: header sizes and memory."""

import dataclasses
import tracemalloc
from collections.abc import Callable

from chatmaild.filter.policy import ByteBudget, Ingress, Policy
from chatmaild.filter.transaction import Transaction
from chatmaild.filter.verdicts import (
    Refuse,
)

from .messages import ALICE, BOB, EVE, encrypted, envelope, header_from
from .transactions import decide


def test_headers_have_a_size_limit(policy: Policy) -> None:
    """One large header is a 500; a used-up budget is a 451."""
    roomy = dataclasses.replace(policy, header_budget=ByteBudget(2 << 20))
    full = dataclasses.replace(policy, header_budget=ByteBudget(1 << 19))

    assert [refused(each) for each in (roomy, full)] == [500, 451]
    assert refused(roomy, fields=1, field_bytes=57_000) == 500


def test_large_headers_cannot_use_the_whole_budget(policy: Policy) -> None:
    """Small headers still pass while large ones wait for DNS; here they get a 500 without From."""
    shared = ByteBudget(4 << 20, reserved_for_small=2 << 20)
    policy = dataclasses.replace(policy, header_budget=shared)
    waiting = [Transaction(policy, envelope(Ingress.SMTP, EVE, ALICE)) for _ in range(5)]
    for transaction in waiting:
        for _ in range(18):
            transaction.add_header(b"X", b" " * 50_000)

    assert refused(policy, fields=18) == 451
    assert refused(policy, fields=1) == 500
    for transaction in waiting:
        transaction.close()
    assert refused(policy, fields=18) == 500


def refused(policy: Policy, fields: int = 40, field_bytes: int = 50_000) -> int:
    """The reply code for a header, of two megabytes by default."""
    budget = policy.header_budget
    left = budget._left
    transaction = Transaction(policy, envelope(Ingress.SMTP, EVE, ALICE))
    for _ in range(fields):
        transaction.add_header(b"X", b" " * field_bytes)
    transaction.end_of_headers()
    transaction.body(b"Hello")
    verdict = transaction.end(may_wait=True).verdict
    transaction.close()
    transaction.close()
    assert left == budget._left
    assert isinstance(verdict, Refuse)
    return verdict.code


def test_a_large_body_is_not_held_in_memory(policy: Policy) -> None:
    """The peak for 30 MB is less than 1 MB above that of a small message."""
    peak = traced_peak(lambda: decide(policy, body=b"x" * 100))
    piece = b"A" * 64 + b"\r\n"
    large = piece * 500

    def feed() -> None:
        transaction = Transaction(policy, envelope(Ingress.SUBMISSION, BOB, EVE))
        for header in header_from(BOB):
            transaction.add_header(header.name, header.value)
        transaction.end_of_headers()
        start, end = encrypted().split(b"-----END", 1)
        transaction.body(start)
        for _ in range(1000):
            transaction.body(large)
        transaction.body(b"-----END" + end)
        transaction.end(may_wait=True)

    assert traced_peak(feed) < peak + 1_000_000


def traced_peak(call: Callable[[], object]) -> int:
    """Peak memory of a call in bytes."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
