"""Rule E2: the first message of a secure join may be clear text."""

import pytest

from chatmaild.filter.content import Content
from chatmaild.filter.mime.headers import Header

from .support.messages import CLOSE, headers, part, read

MIXED = b"multipart/mixed; boundary==-cut"
TEXT = b"Content-Type: text/plain; charset=utf-8; format=flowed; delsp=no"


def body(step: bytes) -> bytes:
    """The body that Delta Chat writes."""
    return part(TEXT, b"Secure-Join: " + step + b"\r\n") + CLOSE


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("step", [b"vc-request", b"vg-request"])
@pytest.mark.parametrize("pieces", [1, 65_535])
def test_requests_pass(step: bytes, strict: bool, pieces: int) -> None:
    """Incoming and outgoing, for contacts and groups."""
    header = headers(b"Secure-Join: " + step + b"\r\n", content_type=MIXED)

    assert read(header, body(step), strict=strict, step=pieces) is Content.SECURE_JOIN


@pytest.mark.parametrize(
    ("step", "content"),
    [
        (b"vc-request", body(b"vg-request")),
        (b"vc-auth-required", body(b"vc-auth-required")),
        (b"vc-request ; hello", body(b"vc-request")),
        (b"", body(b"vc-request")),
        (b"vc-request", part(TEXT, b"Secure-Join: vc-request hello") + CLOSE),
        (b"vc-request", b"Hello\r\n" + body(b"vc-request")),
        (b"vc-request", body(b"vc-request") + b"Hello\r\n"),
        (b"vc-request", part(TEXT, b"Hello") + body(b"vc-request")),
        (b"vc-request", body(b"vc-request").removesuffix(CLOSE) + part(TEXT, b"Hello") + CLOSE),
        (b"vc-request", body(b"vc-request").removesuffix(CLOSE)),
        (b"vc-request", part(b"Content-Type: text/html", b"Secure-Join: vc-request") + CLOSE),
        (b"vc-request", part(TEXT, b"Secure-Join: vc-request" + b" " * 5000) + CLOSE),
        (b"vc-request", b"Secure-Join: vc-request\r\n"),
        (b"vc-request", CLOSE),
        (b"vc-request", part(TEXT + b"\r\nX-Note: Hello", b"Secure-Join: vc-request") + CLOSE),
        (
            b"vc-request",
            part(TEXT + b"\r\nContent-Description: Hello", b"Secure-Join: vc-request") + CLOSE,
        ),
        (
            b"vc-request",
            part(TEXT + b'; name="' + b"Hello" * 40 + b'"', b"Secure-Join: vc-request") + CLOSE,
        ),
    ],
)
def test_other_content_is_refused(step: bytes, content: bytes) -> None:
    """Only one part is allowed, with the step as its text and a minimal header."""
    header = headers(b"Secure-Join: " + step + b"\r\n", content_type=MIXED)

    assert read(header, content, strict=True) is Content.CLEAR
    assert read(header, content, strict=False) is Content.CLEAR


@pytest.mark.parametrize(
    "header",
    [
        headers(content_type=MIXED),
        headers(b"Secure-Join: vc-request\r\n" * 2, content_type=MIXED),
        headers(b"Secure-Join: vc-request\r\n", content_type=b"text/plain"),
        headers(b"Secure-Join: vc-request\r\n", content_type=b"multipart/mixed"),
    ],
)
def test_the_message_needs_one_secure_join_field(header: list[Header]) -> None:
    """The message must be a multipart."""
    assert read(header, body(b"vc-request")) is Content.CLEAR


@pytest.mark.parametrize(("fields", "found"), [(198, Content.SECURE_JOIN), (199, Content.CLEAR)])
def test_a_large_header_is_refused(fields: int, found: Content) -> None:
    """The removal of each field costs time in Postfix."""
    header = headers(b"X: y\r\n" * fields + b"Secure-Join: vc-request\r\n", content_type=MIXED)

    assert found is read(header, body(b"vc-request"), strict=False)
