"""The SMTP client returns replies as values and sends bytes without any change."""

from __future__ import annotations

from collections.abc import Callable

import aiosmtplib
import pytest

from chatmail_testkit.mail.reply import Reply
from chatmail_testkit.mail.smtp import HELLO, Smtp

Serve = Callable[..., tuple[int, list[bytes]]]
GREETING = b"220 here\r\n"
EHLO = {b"EHLO": b"250-here\r\n250-SIZE 31457280\r\n250 PIPELINING\r\n", b"QUIT": b"221 bye\r\n"}


def test_a_reply_of_several_lines(serve: Serve) -> None:
    """Its text is one line."""
    port, lines = serve(GREETING, EHLO)
    with Smtp("127.0.0.1", port) as session:
        reply = session.ehlo()

        assert reply == Reply(250, "here SIZE 31457280 PIPELINING")
        assert session.extensions == {"size": "31457280", "pipelining": ""}
        assert session.local_address == "127.0.0.1"
    assert lines == [f"EHLO {HELLO}\r\n".encode(), b"QUIT\r\n"]


def test_a_refusal_is_a_value(serve: Serve) -> None:
    """The session goes on."""
    port, _ = serve(GREETING, {b"MAIL": b"550 5.7.1 no\r\n", b"NOOP": b"250 ok\r\n"})
    with Smtp("127.0.0.1", port) as session:
        assert session.command("MAIL FROM:<a@b.test>") == Reply(550, "5.7.1 no")
        assert session.noop().code == 250


def test_a_message_is_sent_as_it_is(serve: Serve) -> None:
    """Bare CR and LF stay; lines that begin with a dot get another one."""
    answers = {
        b"DATA": b"354 go on\r\n",
        b"c\r\n": b"",
        b"a\rb": b"",
        b"..d": b"",
        b".\r\n": b"250 taken\r\n",
    }
    port, lines = serve(GREETING, answers)
    with Smtp("127.0.0.1", port) as session:
        assert session.data(b"a\rb\nc\r\n.d") == Reply(250, "taken")
        session.close()

    assert b"".join(lines) == b"DATA\r\na\rb\nc\r\n..d\r\n.\r\n"


def test_a_control_character(serve: Serve) -> None:
    """`exchange` sends it; newer releases of aiosmtplib refuse it in a command."""
    port, lines = serve(GREETING, {b"RCPT": b"501 no\r\n"})
    with Smtp("127.0.0.1", port) as session:
        assert session.exchange(b"RCPT TO:<\x01>\r\n").code == 501
    assert lines[0] == b"RCPT TO:<\x01>\r\n"


def test_a_command_in_pieces(serve: Serve) -> None:
    """`send` does not wait for a reply."""
    port, lines = serve(GREETING, {b"NOOP": b"250 ok\r\n"})
    with Smtp("127.0.0.1", port) as session:
        session.send(b"NO")
        assert session.exchange(b"OP\r\n").code == 250
    assert lines[0] == b"NOOP\r\n"


def test_a_lost_connection(serve: Serve) -> None:
    """Each later command fails, too."""
    port, _ = serve(GREETING, {})
    with Smtp("127.0.0.1", port) as session:
        for _ in range(2):
            with pytest.raises(aiosmtplib.SMTPServerDisconnected):
                session.noop()


def test_a_refusal_in_the_greeting(serve: Serve) -> None:
    """The exception has the code."""
    port, _ = serve(b"554 no\r\n", {})
    with pytest.raises(aiosmtplib.SMTPConnectResponseError) as refused:
        Smtp("127.0.0.1", port)

    assert refused.value.code == 554
