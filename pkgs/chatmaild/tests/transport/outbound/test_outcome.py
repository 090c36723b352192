"""What the answer of a host means for the message."""

import pytest

from chatmaild.transport.outbound.outcome import (
    Answered,
    Broken,
    Delivered,
    Outcome,
    TooLarge,
    Unusable,
    in_words,
    judge,
)
from chatmaild.wire.smtp.reply import Reply, parse_reply


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, "250 OK", Delivered()),
        (200, "250 2.0.0 Ok: queued as 4X", Delivered()),
        (200, "OK", Delivered()),
        (200, "<html>welcome</html>", Unusable("HTTP 200 that is no SMTP reply")),
        (204, "", Unusable("HTTP 204 that is no SMTP reply")),
        (400, "554 5.7.1 No", Answered(Reply(code=554, text="5.7.1 No"))),
        (400, "523 Encryption Needed\r\n", Answered(Reply(code=523, text="Encryption Needed"))),
        (503, "451 4.3.0 Later", Answered(Reply(code=451, text="4.3.0 Later"))),
        (413, "552 Too big", Answered(Reply(code=552, text="Too big"))),
        (413, "<html>nginx</html>", TooLarge()),
        (400, "bad request", Unusable("HTTP 400")),
        (400, "250 OK", Unusable("HTTP 400")),
        (301, "554 moved", Unusable("HTTP 301")),
        (404, "<html>", Unusable("HTTP 404")),
        (405, "", Unusable("HTTP 405")),
        (502, "", Unusable("HTTP 502")),
    ],
)
def test_judgement(status: int, body: str, expected: Outcome) -> None:
    """Only the words of this service say that a message was taken."""
    assert expected == judge(status, body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("554 5.7.1 No", Reply(code=554, text="5.7.1 No")),
        ("554-5.7.1 one\r\n554 two", Reply(code=554, text="5.7.1 one")),
        ("451", Reply(code=451, text="")),
        ("550 \x1b[31mred\u2028", Reply(code=550, text="[31mred")),
        ("999 no", None),
        ("5540 no", None),
        ("<html>", None),
        ("", None),
    ],
)
def test_replies(text: str, expected: Reply | None) -> None:
    """One line of printable ASCII, or nothing."""
    assert expected == parse_reply(text)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("550 5.1.1 unknown", True),
        ("550 unknown", True),
        ("452 4.2.2 full", True),
        ("550 5.7.1 policy", False),
        ("554 5.7.1 no signature", False),
        ("523 Encryption Needed", False),
        ("552 Message exceeds maximum size", False),
    ],
)
def test_a_refusal_may_be_about_one_recipient(reply: str, expected: bool) -> None:
    """Then it says nothing about the others."""
    parsed = parse_reply(reply)

    assert parsed is not None
    assert expected == parsed.about_one_recipient


def test_the_log_has_no_text_of_others() -> None:
    """A host may put the address into its answer."""
    outcome = Answered(Reply(code=550, text="5.1.1 <bob@peer.test> unknown"))

    assert "bob" not in in_words(outcome)
    assert in_words(Broken(timed_out=True)) == "no answer over HTTPS"
