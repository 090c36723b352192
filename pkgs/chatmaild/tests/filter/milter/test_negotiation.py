"""The socket for messages over HTTPS that do not go through Postfix."""

import struct

from chatmaild.filter.milter.negotiation import DIRECT, MACROS
from chatmaild.filter.milter.session import Session
from chatmaild.filter.policy import Policy
from chatmaild.wire import milter

from ..support.messages import ALICE, BOB, ENCRYPTED_TYPE, EVE, encrypted

NOBODY = "nobody@chat.example.org"


def message(sender: str, to: str, author: str, *fields: bytes, body: bytes) -> bytes:
    """A whole message; its macros claim that a user submits it."""
    macros = {"daemon_name": "submission", "mail_addr": sender, "auth_authen": sender}
    pairs = "".join(f"{{{name}}}\0{value}\0" for name, value in macros.items())
    return b"".join(
        (
            milter.packet(b"D", b"M" + pairs.encode()),
            milter.packet(b"M", f"<{sender}>\0".encode()),
            milter.packet(b"D", b"R" + f"{{rcpt_addr}}\0{to}\0".encode()),
            milter.packet(b"R", f"<{to}>\0".encode()),
            milter.packet(b"T"),
            milter.packet(b"L", f"From\0 <{author}>\0".encode()),
            *(milter.packet(b"L", field) for field in fields),
            milter.packet(b"N"),
            milter.packet(b"B", body),
            milter.packet(b"E"),
        )
    )


def answer(policy: Policy, *arguments: str) -> bytes:
    """The answer to an encrypted message; a look-up of a key fails."""
    session = Session(policy, DIRECT)
    wanted = struct.pack("!III", *DIRECT.options)
    assert session.receive(milter.packet(b"O", wanted)) == milter.negotiation(
        DIRECT.options, MACROS
    )
    sender, to, author = arguments
    content_type = b"Content-Type\0 " + ENCRYPTED_TYPE.replace(b"\r", b"") + b"\0"
    found = session.receive(message(sender, to, author, content_type, body=encrypted()))
    return found if isinstance(found, bytes) else found()


def test_nobody_can_submit_there(policy: Policy) -> None:
    """Whatever the macros claim, it is mail of another server: it needs a signature."""
    assert b"554 5.7.1 No DKIM signature found" in answer(policy, ALICE, BOB, ALICE)


def test_the_recipient_must_exist(policy: Policy) -> None:
    """Dovecot would make a mailbox for any address."""
    assert b"550 5.1.1" in answer(policy, EVE, NOBODY, EVE)


def test_mail_for_other_servers_is_refused(policy: Policy) -> None:
    """The relay forwards nothing."""
    assert b"550 5.1.1" in answer(policy, EVE, EVE, EVE)


def test_what_needs_a_change_is_counted_when_it_comes_again() -> None:
    """The client sends it through Postfix."""
    change = milter.change_sender("")

    assert DIRECT.comes_again(change + milter.CONTINUE)
    assert not DIRECT.comes_again(milter.CONTINUE)
    assert not DIRECT.comes_again(milter.DISCARD)
    assert not DIRECT.comes_again(milter.reply(554, "no"))
