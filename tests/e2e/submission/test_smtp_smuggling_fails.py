"""Only CRLF dot CRLF ends a message, so a message cannot hide another one."""

from __future__ import annotations

import contextlib

import aiosmtplib
import pytest
from chatmail_testkit.mail import sessions
from chatmail_testkit.mail.smtp import Smtp
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.web.client import request

ENDINGS = {
    "LF dot LF": b"\n.\n",
    "LF dot CRLF": b"\n.\r\n",
    "CRLF dot LF": b"\r\n.\n",
    "CR dot CR": b"\r.\r",
    "CRLF dot CR": b"\r\n.\r",
    "CRLF NUL dot CRLF": b"\r\n\x00.\r\n",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_submission_ignores_false_ends(ending: str, alice: Person, bob: Person) -> None:
    """The text after it is no message; a bare LF is refused."""
    smuggled = alice.writes(bob, text="smuggled")
    message = alice.writes(bob, text="outer") + ENDINGS[ending] + _commands(alice, bob) + smuggled

    code = _raw(alice.smtp, alice, bob, message)

    alice.leaves()
    alice.sends(bob, text="honest")
    assert bob.receives().text == "honest"
    assert 500 <= code < 600


@pytest.mark.parametrize("ending", ENDINGS)
def test_port_25_ignores_false_ends(ending: str, peer: Peer, alice: Person, carol: Person) -> None:
    """Both messages are signed."""
    smuggled = peer.signs(alice.writes(carol, text="smuggled"))
    outer = peer.signs(alice.writes(carol, text="outer"))
    with sessions.port_25(peer.target, carol.domain) as session:
        message = outer + ENDINGS[ending] + _commands(alice, carol) + smuggled
        code = _raw(session, alice, carol, message)

    assert 500 <= code < 600
    _only_honest_mail_arrives(peer, alice, carol)


@pytest.mark.parametrize("ending", ["CRLF dot CRLF", *ENDINGS])
def test_https_ignores_false_ends(ending: str, peer: Peer, alice: Person, carol: Person) -> None:
    """A request holds one message; its lines cannot end it in the SMTP session behind."""
    end = ENDINGS.get(ending, b"\r\n.\r\n")
    body = end + _commands(alice, carol) + peer.signs(alice.writes(carol, text="smuggled"))
    message = peer.signs(alice.writes(carol, text="outer") + body)
    headers = [("X-MAIL-FROM", alice.address), ("X-MAIL-TO", carol.address)]

    answer = request(peer.target, "POST", carol.domain, "/mxdeliv", headers=headers, body=message)

    assert answer.status in (200, 400)
    _only_honest_mail_arrives(peer, alice, carol, before=int(answer.status == 200))


def test_commands_with_a_bare_lf_are_refused(alice: Person) -> None:
    """A proxy may read them in another way."""
    session = alice.smtp

    assert session.exchange(b"NOOP\nNOOP\r\n").code == 550
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        session.noop()


def _only_honest_mail_arrives(peer: Peer, alice: Person, carol: Person, before: int = 0) -> None:
    honest = peer.signs(alice.writes(carol, text="honest"))
    assert peer.delivers(honest, carol, mail_from=alice.address).code == 250
    received = [carol.receives() for _ in range(before + 1)]
    assert received[-1].text == "honest"
    assert len(carol.inbox()) == before + 1


def _commands(sender: Person, recipient: Person) -> bytes:
    return f"MAIL FROM:<{sender.address}>\r\nRCPT TO:<{recipient.address}>\r\nDATA\r\n".encode()


def _raw(session: Smtp, sender: Person, recipient: Person, message: bytes) -> int:
    """Return the first reply to the message, sent byte by byte as given."""
    session.command(f"MAIL FROM:<{sender.address}>")
    session.command(f"RCPT TO:<{recipient.address}>")
    assert session.command("DATA").code == 354
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        return session.exchange(message + b"\r\n.\r\n").code
    return 521  # the relay closed the connection
