"""Fuzz a milter session with the bytes of a broken or hostile mail server.

    pip install atheris
    export PYTHONPATH=src:tests
    python fuzz/fuzz_milter.py -max_len=4096 -max_total_time=600

Fails on an exception other than ProtocolError, on a result that depends on the size of the pieces,
on an accepted clear message, and on memory that is not released. An input is a stream of packets,
or, with an odd first byte, a list of commands with short data, which become packets.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

import struct
import sys

import atheris

with atheris.instrument_imports(
    include=["chatmaild.filter", "chatmaild.wire", "chatmaild.address"]
):
    from chatmaild.address import Address
    from chatmaild.dkim.resolver import KeyCache, TxtAnswer
    from chatmaild.errors import ProtocolError
    from chatmaild.filter.limits.memory import ByteBudget
    from chatmaild.filter.limits.rates import DomainLimiter, RateLimiter
    from chatmaild.filter.milter.negotiation import EACH_RECIPIENT, WHOLE_MESSAGE, Mode
    from chatmaild.filter.milter.session import Session
    from chatmaild.filter.policy import Policy
    from chatmaild.filter.recipients import RecipientLookup
    from chatmaild.net.domains import DomainRules
    from chatmaild.store.mail.room import Room
    from chatmaild.wire import milter

ROOM = 1 << 20
COMMANDS = b"OCDMRTLNBEAQU"
MACROS = (
    b"M{daemon_name}\0smtp\0{mail_addr}\0eve@peer.test\0{client_addr}\0192.0.2.1\0",
    b"M{daemon_name}\0submission\0{mail_addr}\0al@b.test\0{auth_authen}\0al@b.test\0",
    b"R{rcpt_addr}\0al@b.test\0",
    b"R{rcpt_addr}\0eve@peer.test\0",
)
DATA = (
    b"<eve@peer.test>\0",
    b"<al@b.test>\0",
    b"From\0 <al@b.test>\0",
    b"\0\0\0\6\0\0\1\xff\0\x1f\xff\xff",
)


class Accounts:
    """All accounts exist, and none accepts clear text."""

    def exists(self, _: Address) -> bool:
        return True

    def is_disabled(self, _: Address) -> bool:
        return False

    def is_nearly_full(self, _: Address) -> bool:
        return False

    def accepts_clear_text(self, _: Address) -> bool:
        return False


def packets(data: bytes) -> bytes:
    """Build packets, each from a command byte, a choice byte and up to 31 bytes."""
    stream, at = b"", 0
    while at + 2 <= len(data):
        command, choice = COMMANDS[data[at] % len(COMMANDS)], data[at + 1]
        own = data[at + 2 : at + 2 + (choice & 31)]
        at += 2 + len(own)
        given = MACROS[choice >> 6] if command == milter.MACROS else DATA[choice >> 6]
        payload = given if choice & 32 else own
        stream += struct.pack("!IB", 1 + len(payload), command) + payload
    return stream


def answers(stream: bytes, step: int, mode: Mode) -> tuple[bytes, bool]:
    """The answers of a session, and whether it broke the connection."""
    budget = ByteBudget(ROOM)
    policy = Policy(
        mail_domain="b.test",
        flags=Accounts(),
        recipient_lookup=RecipientLookup(Accounts(), Room("/nowhere")),
        domains=DomainRules(own="b.test", blocked=frozenset({"blocked.test"})),
        limiter=RateLimiter(per_minute=60, burst=10),
        domain_limiter=DomainLimiter(per_message=100, per_minute=200),
        signer=None,
        keys=KeyCache(query=lambda _: TxtAnswer(texts=(), ttl_s=0)),
        header_budget=budget,
        clock=lambda: 0.0,
        monotonic=lambda: 0.0,
    )
    session, said, broke = Session(policy, mode), b"", False
    try:
        for at in range(0, len(stream), step):
            answer = session.receive(stream[at : at + step])
            said += answer if isinstance(answer, bytes) else answer()
    except ProtocolError:
        broke = True
    session.close()
    if budget._left != ROOM:
        raise RuntimeError("a message did not release its memory")
    return said, broke


def check(data: bytes) -> None:
    """Check one input."""
    choice = data[0] if data else 0
    stream = packets(data[1:]) if choice & 1 else data[1:]
    mode = WHOLE_MESSAGE if choice & 128 else EACH_RECIPIENT
    whole = answers(stream, len(stream) or 1, mode)
    cut = answers(stream, 1 + (choice >> 1), mode)
    if whole[1] != cut[1] or not (whole[1] or whole == cut):
        raise RuntimeError("the answers depend on the size of the pieces")


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
