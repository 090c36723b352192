"""The body hash against dkimpy's canonical forms, with bodies that nobody would think of."""

import hashlib
import time

import pytest
from dkim.canonicalization import Relaxed, Simple
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatmaild.dkim.canonical import BodyHash, Form

FORMS = {Form.SIMPLE: Simple, Form.RELAXED: Relaxed}
pieces = st.lists(
    st.one_of(
        st.sampled_from([b" ", b"\t", b"\r\n", b"\r", b" \r\n", b"\r\n\r\n", b"x", b" \t "]),
        st.binary(max_size=3),
    ),
    max_size=20,
).map(b"".join)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(pieces, st.sampled_from(list(Form)), st.integers(1, 9))
@example(b" ", Form.RELAXED, 1)
@example(b" \r\n \r\nx", Form.RELAXED, 1)
@example(b"\r\r\n\r\n\r", Form.SIMPLE, 2)
def test_it_is_dkimpys_hash(body: bytes, form: Form, step: int) -> None:
    """However the body is cut."""
    found = BodyHash(form)
    for at in range(0, len(body), step):
        found.feed(body[at : at + step])
    if form is Form.RELAXED and body and not body.endswith(b"\r\n"):
        body += b"\r\n"  # Postfix ends every body so; dkimpy expects it
    canonical = FORMS[form].canonicalize_body(body)

    assert hashlib.sha256(canonical).digest() == found.digest()
    assert len(canonical) == found.octets


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize(
    "line", [b"\r\n", b" ", b"\t \r\n", b" \t", b"a  b\r\n", b"x" * 76 + b"\r\n"]
)
def test_no_body_takes_long(line: bytes, form: Form) -> None:
    """30 MB of empty lines or blanks are as cheap as any other 30 MB."""
    chunk = line * (65_000 // len(line))
    found = BodyHash(form)
    started_s = time.process_time()
    for _ in range(460):
        found.feed(chunk)
    found.digest()

    assert time.process_time() - started_s < 2


@pytest.mark.parametrize("form", list(Form))
def test_no_piece_takes_long(form: Form) -> None:
    """Text behind 30 MB of empty lines is hashed at once with none of them: others wait."""
    found = BodyHash(form)
    for _ in range(460):
        found.feed(b"\r\n" * 32_500)
    started_s = time.thread_time()
    found.feed(b"x\r\n")

    assert time.thread_time() - started_s < 0.005
    assert found.digest() == hashlib.sha256(b"\r\n" * (460 * 32_500) + b"x\r\n").digest()
    assert found.octets == 2 * 460 * 32_500 + 3


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("lines", [1, 4095, 4096, 4097, 9000])
def test_empty_lines_count_when_something_follows(lines: int, form: Form) -> None:
    """Those at the end do not, however many they are."""
    found = BodyHash(form)
    found.feed(b"a\r\n" + b"\r\n" * lines)
    found.feed(b"\r\n" * lines + b"b\r\n" + b"\r\n" * lines)
    found.feed(b"c\r\n" + b"\r\n" * lines)
    canonical = b"a" + b"\r\n" * (2 * lines + 1) + b"b" + b"\r\n" * (lines + 1) + b"c\r\n"

    assert found.digest() == hashlib.sha256(canonical).digest()
    assert found.octets == len(canonical)
