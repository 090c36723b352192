"""A session counts each message once, however the message ends."""

import struct
from collections.abc import Callable

import pytest

from chatmaild.filter.negotiation import WHOLE_MESSAGE
from chatmaild.filter.policy import Policy
from chatmaild.filter.session import Session
from chatmaild.wire import milter

from .support.messages import ALICE, BOB, ENCRYPTED_TYPE, encrypted

HEADER_BYTES = 1 << 20  # the whole budget of the policy


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
