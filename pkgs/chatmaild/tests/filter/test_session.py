"""Sessions of clients with a login: one answer, at the end of the message, which counts once."""

import pathlib
import signal
import struct
from collections.abc import Callable, Iterator

import pytest

from chatmaild.address import parse_address
from chatmaild.filter.negotiation import DIRECT, MACROS, WHOLE_MESSAGE
from chatmaild.filter.policy import Policy
from chatmaild.filter.session import Session
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.wire import milter

from .support.messages import ALICE, BOB, ENCRYPTED_TYPE, EVE, encrypted
from .support.process import UNANSWERED_RCPT, FdStore, Filter, Mta

ACCEPTED = (b"c", b"")
INTERNAL = (b"y", b"451 4.3.0 Internal error in mail filter, try again later\0")
# the second recipient is no mailbox
MALFORMED = ("submission", ALICE, BOB, "bob@chat.example.org@other.example")
NOBODY = "nobody@chat.example.org"
HEADER_BYTES = 1 << 20  # the whole budget of the policy


@pytest.fixture
def served(settings: Settings, settings_file: pathlib.Path) -> Iterator[Filter]:
    """A running filter, with its socket for clients that have logged in."""
    running = Filter(settings.sockets.milter_submission, settings_file)
    yield running
    running.end()


def answer(mta: Mta, *envelope: str) -> list[tuple[bytes, bytes]]:
    """Send an encrypted message of Alice; returns the answers."""
    mta.send_envelope(*envelope)
    return mta.content(ALICE, body=encrypted())


def test_rcpt_is_not_answered(mta: Mta) -> None:
    """Postfix waits at the end alone, and the next message begins anew."""
    assert mta.steps & UNANSWERED_RCPT

    for _ in range(3):
        assert answer(mta, "submission", ALICE, BOB, ALICE) == [ACCEPTED]


def test_a_refused_recipient_refuses_the_message(mta: Mta) -> None:
    """Also where the recipients before and after it are right; the next message passes."""
    for envelope in (MALFORMED, (*MALFORMED[:2], *reversed(MALFORMED[2:]))):
        [(action, reply)] = answer(mta, *envelope)
        assert (action, reply[:9]) == (b"y", b"501 5.1.3")

    assert answer(mta, "submission", ALICE, BOB) == [ACCEPTED]


@pytest.mark.usefixtures("slow_refill")
def test_a_refused_sender_refuses_the_message(mta: Mta) -> None:
    """The reply of the rate limit comes at the end."""
    for _ in range(10):
        assert answer(mta, "submission", ALICE, BOB) == [ACCEPTED]

    [(action, reply)] = answer(mta, "submission", ALICE, BOB)
    assert (action, reply[:9]) == (b"y", b"450 4.7.1")


def test_an_internal_error_at_a_recipient_is_a_451(mta: Mta) -> None:
    """Postfix has the recipient, so the message must not pass."""
    assert answer(mta, "a misconfigured ingress", ALICE, BOB) == [INTERNAL]
    assert answer(mta, "submission", ALICE, BOB) == [ACCEPTED]


def test_the_next_process_checks_every_recipient_again(
    settings: Settings, settings_file: pathlib.Path, store: FdStore, mailboxes: Mailboxes
) -> None:
    """Sessions stay what they were negotiated as: those of port 25 get an answer for each RCPT."""
    first = Filter(settings.sockets.milter_submission, settings_file, store)
    right, refused, idle = (first.connection() for _ in range(3))
    others = Mta.connected(settings.sockets.milter)
    others.negotiate()
    right.send_envelope("submission", ALICE, BOB)
    refused.send_envelope(*MALFORMED)
    assert others.envelope("smtp", EVE, BOB) == [ACCEPTED]
    assert answer(idle, "submission", ALICE, BOB) == [ACCEPTED]
    first.process.send_signal(signal.SIGTERM)
    first.ends(store)
    second = Filter(settings.sockets.milter_submission, settings_file, store)
    try:
        assert right.content(ALICE, body=encrypted()) == [ACCEPTED]
        [(action, reply)] = refused.content(ALICE, body=encrypted())
        assert (action, reply[:9]) == (b"y", b"501 5.1.3")
        assert answer(idle, "submission", ALICE, BOB) == [ACCEPTED]
        assert others.envelope("smtp", EVE, ALICE) == [ACCEPTED]
        mailboxes.delete(parse_address(BOB))
        [(action, _)] = others.envelope("smtp", EVE, BOB)
        assert action == b"y"
    finally:
        for mta in (right, refused, idle, others):
            mta.close()
        second.end()


def envelope() -> bytes:
    """NEGOTIATE, and the envelope of a message of Alice to Bob."""
    wanted = WHOLE_MESSAGE.options
    macros = (
        f"{{daemon_name}}\0submission\0{{mail_addr}}\0{ALICE}\0{{auth_authen}}\0{ALICE}\0".encode()
    )
    return b"".join(
        (
            milter.packet(b"O", struct.pack("!III", *wanted)),
            milter.packet(b"D", b"M" + macros),
            milter.packet(b"M", f"<{ALICE}>\0".encode()),
            milter.packet(b"D", b"R" + f"{{rcpt_addr}}\0{BOB}\0".encode()),
            milter.packet(b"R", f"<{BOB}>\0".encode()),
            milter.packet(b"T"),
        )
    )


def content(body: bytes) -> bytes:
    """Header, body and end."""
    return b"".join(
        (
            milter.packet(b"L", f"From\0 <{ALICE}>\0".encode()),
            milter.packet(b"L", b"Message-ID\0 <1@chat.example.org>\0"),
            milter.packet(b"L", b"Content-Type\0 " + ENCRYPTED_TYPE.replace(b"\r", b"") + b"\0"),
            milter.packet(b"N"),
            milter.packet(b"B", body),
            milter.packet(b"E"),
        )
    )


ENDS: dict[str, Callable[[Session, bytes], object]] = {
    "answer sent": lambda session, _: session.settle(),
    "next message": lambda session, following: session.receive(following),
    "abort": lambda session, _: session.receive(milter.packet(b"A")),
    "end of the connection": lambda session, _: session.close(),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("is_accepted", [True, False], ids=["accepted", "refused"])
def test_a_message_counts_once(
    policy: Policy, end: Callable[[Session, bytes], object], *, is_accepted: bool
) -> None:
    """And holds no memory afterwards."""
    session = Session(policy, WHOLE_MESSAGE)
    session.receive(envelope())
    answer = session.receive(content(encrypted() if is_accepted else b"clear text\r\n"))
    assert isinstance(answer, bytes)
    assert (answer[-1:] == b"c") is is_accepted

    end(session, envelope())
    session.settle()
    session.close()

    value = policy.tally.counters.value
    assert value("messages_accepted", ingress="submission") == is_accepted
    kind = {"kind": "permanent", "reason": "not encrypted"}
    assert value("refusals", ingress="submission", **kind) == (not is_accepted)
    assert policy.header_budget.take(HEADER_BYTES)


def direct_message(sender: str, to: str, author: str, *fields: bytes, body: bytes) -> bytes:
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


def direct_answer(policy: Policy, *arguments: str) -> bytes:
    """The answer to an encrypted message; a look-up of a key fails."""
    session = Session(policy, DIRECT)
    wanted = struct.pack("!III", *DIRECT.options)
    assert session.receive(milter.packet(b"O", wanted)) == milter.negotiation(
        DIRECT.options, MACROS
    )
    sender, to, author = arguments
    content_type = b"Content-Type\0 " + ENCRYPTED_TYPE.replace(b"\r", b"") + b"\0"
    found = session.receive(direct_message(sender, to, author, content_type, body=encrypted()))
    return found if isinstance(found, bytes) else found()


def test_nobody_can_submit_there(policy: Policy) -> None:
    """Whatever the macros claim, it is mail of another server: it needs a signature."""
    assert b"554 5.7.1 No DKIM signature found" in direct_answer(policy, ALICE, BOB, ALICE)


def test_the_recipient_must_exist(policy: Policy) -> None:
    """Dovecot would make a mailbox for any address."""
    assert b"550 5.1.1" in direct_answer(policy, EVE, NOBODY, EVE)


def test_mail_for_other_servers_is_refused(policy: Policy) -> None:
    """The relay forwards nothing."""
    assert b"550 5.1.1" in direct_answer(policy, EVE, EVE, EVE)


def test_what_needs_a_change_is_counted_when_it_comes_again() -> None:
    """The client sends it through Postfix."""
    change = milter.change_sender("")

    assert DIRECT.comes_again(change + milter.CONTINUE)
    assert not DIRECT.comes_again(milter.CONTINUE)
    assert not DIRECT.comes_again(milter.DISCARD)
    assert not DIRECT.comes_again(milter.reply(554, "no"))
