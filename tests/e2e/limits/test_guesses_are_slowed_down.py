"""Wrong passwords slow down the network that they come from; the owner logs in from elsewhere."""

from __future__ import annotations

import imaplib
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.reach.front import ip_address
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import ANSWER_S

GUESSES = 60
AT_ONCE = 10
EVERY_S = 6
OWNER_WITHIN_S = EVERY_S / 2  # quiet: 0.05 s; a login that waits for its turn takes longer
Login = Callable[[str, str, str], str]


def _imap(ip: str, address: str, password: str) -> str:
    session = imaplib.IMAP4_SSL(ip, ssl_context=_context(), timeout=ANSWER_S)
    try:
        session.login(address, password)
    except imaplib.IMAP4.error as error:
        return str(error)
    finally:
        session.shutdown()
    return "in"


def _smtp(ip: str, address: str, password: str) -> str:
    with smtplib.SMTP_SSL(ip, context=_context(), timeout=ANSWER_S) as session:
        try:
            session.login(address, password)
        except smtplib.SMTPAuthenticationError as error:
            return f"{error.smtp_code} {error.smtp_error!r}"
    return "in"


@pytest.mark.disturbs
@pytest.mark.parametrize("guess", [_imap, _smtp], ids=["imap", "smtp"])
def test_guesses(guess: Login, alice: Person, target: Target, machine: Machine) -> None:
    """Ten are checked at once, then ten a minute; the other 50 learn nothing."""
    ipv4, ipv6 = (
        ip_address(target, alice.domain, socket.AF_INET),
        ip_address(target, alice.domain, socket.AF_INET6),
    )
    before = _checked(machine)
    started_s = time.monotonic()
    with ThreadPoolExecutor(GUESSES) as pool:
        guesses = [pool.submit(guess, ipv4, alice.address, f"password-{n}") for n in range(GUESSES)]
        logins = []
        while not all(future.done() for future in guesses):
            login_s = time.monotonic()
            assert guess(ipv6, alice.address, alice.password) == "in"
            logins.append(time.monotonic() - login_s)
        answers = [future.result() for future in guesses]
    took_s = time.monotonic() - started_s

    assert "in" not in answers
    assert AT_ONCE <= _checked(machine) - before <= AT_ONCE + took_s / EVERY_S + 1
    assert sorted(logins)[len(logins) // 2] < OWNER_WITHIN_S


@pytest.mark.disturbs
@pytest.mark.parametrize("login", [_imap, _smtp], ids=["imap", "smtp"])
def test_the_owner_in_the_network_of_the_guesser(
    login: Login, alice: Person, target: Target
) -> None:
    """Waits for the next turn, and is never told that the password is wrong."""
    ipv4 = ip_address(target, alice.domain, socket.AF_INET)
    with ThreadPoolExecutor(AT_ONCE + 1) as pool:
        list(pool.map(lambda n: _imap(ipv4, alice.address, f"wrong-{n}"), range(AT_ONCE + 1)))

    started_s = time.monotonic()
    assert login(ipv4, alice.address, alice.password) == "in"
    assert time.monotonic() - started_s < 2 * EVERY_S


def _checked(machine: Machine) -> int:
    """How many passwords were wrong, ever."""
    metrics = machine.run("curl", "-s", "http://127.0.0.1:8700/metrics").splitlines()
    line = 'chatmail_logins_total{result="refused"} '
    return sum(int(text.removeprefix(line)) for text in metrics if text.startswith(line))


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
