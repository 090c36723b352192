"""Parallel first logins create one account with one password."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from chatmail_testkit.mail.sessions import imap_session
from chatmail_testkit.people.names import new_password
from chatmail_testkit.people.person import Person
from conftest import PersonFactory
from imapclient.exceptions import LoginError

LOGINS = 10


def test_logins_with_one_password_succeed(new_person: PersonFactory, relay: str) -> None:
    """All ten logins succeed."""
    alice = new_person(relay)

    with ThreadPoolExecutor(LOGINS) as pool:
        won = list(pool.map(lambda _: _login(alice, alice.password), range(LOGINS)))

    assert won == [True] * LOGINS


def test_one_of_ten_passwords_wins(new_person: PersonFactory, relay: str) -> None:
    """Exactly one succeeds; later only that password opens the address."""
    alice = new_person(relay)
    passwords = [new_password() for _ in range(LOGINS)]

    with ThreadPoolExecutor(LOGINS) as pool:
        won = list(pool.map(lambda password: _login(alice, password), passwords))

    assert sum(won) == 1
    # the right one first: after ten wrong ones, logins of this network wait
    assert _login(alice, passwords[won.index(True)])
    with ThreadPoolExecutor(LOGINS) as pool:
        others = [password for password, has_won in zip(passwords, won, strict=True) if not has_won]
        assert not any(pool.map(lambda password: _login(alice, password), others))


def _login(person: Person, password: str) -> bool:
    session = imap_session(person.target, person.domain)
    try:
        session.login(person.address, password)
    except LoginError:
        return False
    else:
        return True
    finally:
        session.shutdown()
