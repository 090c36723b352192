"""Sessions end before their account moves; accounts without any do not wait for that."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator

import pytest

from chatmaild.address import Address, parse_address
from chatmaild.rebalance.leaving.sessions import Sessions
from chatmaild.store.mailboxes import Mailboxes

ALICE = parse_address("alice1234@chat.example.org")


class Dovecot:
    """What Dovecot says and does."""

    def __init__(self, mailboxes: Mailboxes) -> None:
        mailboxes.create(ALICE, "hash", now_s=0)
        (mailboxes.path(ALICE) / "mailboxes").mkdir(exist_ok=True)
        self.mailboxes = mailboxes
        self.logged_in: frozenset[str] = frozenset()
        self.takes_s = 0.0
        self.lists = 0
        self.ended: list[Address] = []

    def sessions(self, *, awake_s: float = 1.0) -> Sessions:
        """Its sessions."""
        return Sessions(self.mailboxes, self._list, self.ended.append, awake_s=awake_s)

    def _list(self) -> frozenset[str]:
        self.lists += 1
        if self.takes_s < 0:
            raise OSError
        time.sleep(self.takes_s)
        return self.logged_in

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """A session that has the mailbox open."""
        descriptor = os.open(self.mailboxes.path(ALICE) / "mailboxes", os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
        os.close(descriptor)


@pytest.fixture
def dovecot(mailboxes: Mailboxes) -> Dovecot:
    """Dovecot, and Alice's account."""
    return Dovecot(mailboxes)


def test_an_account_without_sessions_does_not_wait(dovecot: Dovecot) -> None:
    """No process is started for it."""
    sessions = dovecot.sessions()
    with sessions.listed():
        sessions.prepare()
        sessions.end(ALICE)

    assert dovecot.ended == []
    assert dovecot.lists


def test_listed_sessions_end(dovecot: Dovecot) -> None:
    """Also those that sleep, which have nothing open."""
    dovecot.logged_in = frozenset([str(ALICE)])
    sessions = dovecot.sessions()
    with sessions.listed():
        sessions.prepare()
        sessions.end(ALICE)

    assert dovecot.ended == [ALICE]


def test_a_session_that_began_after_the_list_ends(dovecot: Dovecot) -> None:
    """It is awake, so it has the mailbox open."""
    sessions = dovecot.sessions()
    with sessions.listed():
        sessions.prepare()
        with dovecot.awake():
            sessions.end(ALICE)

    assert dovecot.ended == [ALICE]


@pytest.mark.parametrize("takes_s", [-1, 0.1])
def test_without_a_new_list_all_sessions_end(
    dovecot: Dovecot, takes_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dovecot does not tell, or so late that a session may sleep by now."""
    monkeypatch.setattr("chatmaild.rebalance.leaving.sessions._PREPARE_S", 0.01)
    dovecot.takes_s = takes_s
    sessions = dovecot.sessions(awake_s=0.25)
    with sessions.listed():
        sessions.prepare()
    sessions.end(ALICE)

    assert dovecot.ended == [ALICE]
