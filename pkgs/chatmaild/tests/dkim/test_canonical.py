"""The body hash against dkimpy, with generated bodies."""

import hashlib
import time

import pytest
from dkim.canonicalization import Relaxed, Simple
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatmaild.dkim.canonical import BodyHash, Canonicalization

from ..timing import is_quick

FORMS = {Canonicalization.SIMPLE: Simple, Canonicalization.RELAXED: Relaxed}
PIECES = [b" ", b"\t", b"\r\n", b"\r", b" \r\n", b"\r\n\r\n", b"x", b" \t "]


def _body(content: bytes) -> bytes:
    """Each two bytes stand for a piece or any byte: Hypothesis draws a body at once."""
    pairs = zip(content[::2], content[1::2], strict=False)
    pieces = [bytes([byte]) if kind % 2 else PIECES[byte % len(PIECES)] for kind, byte in pairs]
    return b"".join(pieces)


bodies = st.binary(max_size=60).map(_body)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(bodies, st.sampled_from(list(Canonicalization)), st.integers(1, 9))
@example(b" ", Canonicalization.RELAXED, 1)
@example(b" \r\n \r\nx", Canonicalization.RELAXED, 1)
@example(b"\r\r\n\r\n\r", Canonicalization.SIMPLE, 2)
def test_the_hash_is_that_of_dkimpy(body: bytes, form: Canonicalization, step: int) -> None:
    """For any size of the pieces."""
    found = BodyHash(form)
    for at in range(0, len(body), step):
        found.feed(body[at : at + step])
    if form is Canonicalization.RELAXED and body and not body.endswith(b"\r\n"):
        body += b"\r\n"  # Postfix does so; dkimpy expects it
    canonical = FORMS[form].canonicalize_body(body)

    assert hashlib.sha256(canonical).digest() == found.digest()
    assert len(canonical) == found.size_bytes


@pytest.mark.parametrize("form", list(Canonicalization))
@pytest.mark.parametrize(
    "line", [b"\r\n", b" ", b"\t \r\n", b" \t", b"a  b\r\n", b"x" * 76 + b"\r\n"]
)
def test_every_body_is_hashed_fast(line: bytes, form: Canonicalization) -> None:
    """30 MB of empty lines or whitespace take no longer than other 30 MB."""
    chunk = line * (65_000 // len(line))

    def work() -> None:
        found = BodyHash(form)
        for _ in range(460):
            found.feed(chunk)
        found.digest()

    assert is_quick(work, 2)


@pytest.mark.parametrize("form", list(Canonicalization))
def test_every_piece_is_hashed_fast(form: Canonicalization) -> None:
    """Text after 30 MB of empty lines does not hash them all at once."""

    def after_empty_lines() -> tuple[BodyHash, float]:
        found = BodyHash(form)
        for _ in range(460):
            found.feed(b"\r\n" * 32_500)
        started_s = time.thread_time()
        found.feed(b"x\r\n")
        return found, time.thread_time() - started_s

    tries = (after_empty_lines() for _ in range(5))
    found = next((found for found, took_s in tries if took_s < 0.005), None)

    assert found is not None
    assert found.digest() == hashlib.sha256(b"\r\n" * (460 * 32_500) + b"x\r\n").digest()
    assert found.size_bytes == 2 * 460 * 32_500 + 3


@pytest.mark.parametrize("form", list(Canonicalization))
@pytest.mark.parametrize("lines", [1, 4095, 4096, 4097, 9000])
def test_empty_lines_count_only_if_text_follows(lines: int, form: Canonicalization) -> None:
    """Trailing empty lines do not count."""
    found = BodyHash(form)
    found.feed(b"a\r\n" + b"\r\n" * lines)
    found.feed(b"\r\n" * lines + b"b\r\n" + b"\r\n" * lines)
    found.feed(b"c\r\n" + b"\r\n" * lines)
    canonical = b"a" + b"\r\n" * (2 * lines + 1) + b"b" + b"\r\n" * (lines + 1) + b"c\r\n"

    assert found.digest() == hashlib.sha256(canonical).digest()
    assert found.size_bytes == len(canonical)
