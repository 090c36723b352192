"""Messages have the structure that their functions promise."""

from __future__ import annotations

import email
import email.message

from chatmail_testkit.mail import messages

TO = ["b@b.test", "c@c.test"]


def _parsed(raw: bytes) -> email.message.Message:
    assert raw.count(b"\n") == raw.count(b"\r\n")
    return email.message_from_bytes(raw)


def test_encrypted() -> None:
    """PGP/MIME with the armour in the second part."""
    message = _parsed(messages.encrypted("a@a.test", TO, b"armour", {"Subject": "hi"}))

    assert message.get_content_type() == "multipart/encrypted"
    assert message["Subject"] == "hi"
    assert message["To"] == "<b@b.test>, <c@c.test>"
    kinds = [part.get_content_type() for part in message.walk()][1:]
    assert kinds == ["application/pgp-encrypted", "application/octet-stream"]


def test_an_empty_header_is_left_out() -> None:
    """So that a test can remove one."""
    assert "Date" not in _parsed(messages.plain("a@a.test", TO, headers={"Date": ""}))


def test_secure_join() -> None:
    """The step is in a header, and in the text."""
    message = _parsed(messages.secure_join_request("a@a.test", "b@b.test"))

    assert message["Secure-Join"] == "vc-request"
    assert message.get_content_type() == "multipart/mixed"
