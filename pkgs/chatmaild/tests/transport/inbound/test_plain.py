"""Which messages go past Postfix, and what Dovecot gets of them."""

import pytest

from chatmaild.transport.inbound.plain import plain

BODY = b"\r\nhi\r\n"


def test_fields_that_no_recipient_needs_stay_away() -> None:
    """As Postfix' LMTP client does it; the filter sees all fields."""
    message = plain(
        b"RECEIVED: from x\r\n\tby y\r\nDkim-Signature: v=1;\r\n b=x\r\n"
        b"From: a\r\n b\r\nAuthentication-Results: x\r\nX:\r\n" + BODY
    )

    assert message is not None
    assert message.delivered == b"From: a\r\n b\r\nX:\r\n" + BODY
    assert message.body == b"hi\r\n"
    assert message.fields[:2] == (
        (b"RECEIVED", b" from x\r\n\tby y"),
        (b"Dkim-Signature", b" v=1;\r\n b=x"),
    )
    assert message.fields[-1] == (b"X", b"")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"From: a\r\n",
        b"From: a\r\n\r\nhi",
        b"\r\nhi\r\n",
        b"From: a\n\r\nhi\r\n",
        b"From: a\r\n\r\nhi\nho\r\n",
        b"From: a\r\n\r\nhi\rho\r\n",
        b"From: a\r\n\r\nhi\0\r\n",
        b"From : a\r\n" + BODY,
        b"From\r\n" + BODY,
        b" From: a\r\n" + BODY,
        b"From x y\r\nFrom: a\r\n" + BODY,
        b"From: a\r\n  \r\n" + BODY,
        b"From: \xc3\xbc\r\n" + BODY,
        b"From: \x7f\r\n" + BODY,
        b"F\xc3\xbc: a\r\n" + BODY,
        b": a\r\n" + BODY,
        b"From: a\r\nBcc: b\r\n" + BODY,
        b"From: a\r\nCONTENT-LENGTH: 5\r\n" + BODY,
        b"Return-Path: b\r\nFrom: a\r\n" + BODY,
        b"Resent-Bcc: b\r\nFrom: a\r\n" + BODY,
        21 * b"Received: x\r\n" + BODY,
        b"From: a\r\nX: " + 32_768 * b"x" + b"\r\n" + BODY,
    ],
)
def test_what_postfix_may_change_goes_through_postfix(content: bytes) -> None:
    """A doubt costs time alone."""
    assert plain(content) is None


@pytest.mark.parametrize("body", [b"", b"\r\n", b".\r\n", b"\xff\r\n", 99_999 * b"x" + b"\r\n"])
def test_a_body_is_free(body: bytes) -> None:
    """It is passed on as it is."""
    message = plain(b"From: a\r\n\r\n" + body)

    assert message is not None
    assert message.delivered == b"From: a\r\n\r\n" + body
