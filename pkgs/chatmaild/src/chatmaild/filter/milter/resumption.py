"""Sessions of the previous process, continued from their state.

If this process refuses a recipient that the previous one accepted, the message gets a 4xx: Postfix
would deliver to that recipient.
"""

from __future__ import annotations

from functools import partial

from chatmaild.filter.milter.negotiation import Mode
from chatmaild.filter.milter.session import Session
from chatmaild.filter.policy import Policy
from chatmaild.wire import loop, milter
from chatmaild.wire.loop import State, Work


def resumed(policy: Policy, mode: Mode, state: bytes) -> loop.Session:
    """Continue a session of the previous process from its `state`."""
    session = Session(policy, mode)
    answers = [c for c, _ in milter.Packets().feed(state) if c in mode.waits_at]
    expected = milter.CONTINUE * len(answers)
    found = session.resume(state)
    if not isinstance(found, bytes):
        return _Waiting(session, State(mode.fd_name_prefix, state), found, expected)
    if found != expected:
        session.refuse()
    return session


class _Waiting:
    """A session on a front, which asks for its recipients before the next packet is taken.

    At the start hundreds of sessions would wait for the directory, one after the other.
    """

    __slots__ = ("_expected", "_is_ready", "_session", "_state", "_work")

    def __init__(self, session: Session, state: State, work: Work, expected: bytes) -> None:
        self._session = session
        self._state = state
        self._work = work
        self._expected = expected
        self._is_ready = False

    @property
    def state(self) -> State | None:
        """As of a session."""
        return self._session.state if self._is_ready else self._state

    def receive(self, data: bytes) -> bytes | Work:
        """As of a session."""
        return self._session.receive(data) if self._is_ready else partial(self._continue, data)

    def settle(self) -> None:
        """As of a session."""
        self._session.settle()

    def close(self) -> None:
        """As of a session."""
        self._session.close()

    def _continue(self, data: bytes) -> bytes:
        """In a thread."""
        if self._work() != self._expected:
            self._session.refuse()
        self._is_ready = True
        answer = self._session.receive(data)
        return answer if isinstance(answer, bytes) else answer()
