"""Before a login nothing tells a relay from another mail server; after it clients find theirs."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Target
from chatmail_testkit.waiting import ANSWER_S

# what Dovecot 2.4 offers before a login, without an option of ours
STOCK = {b"IMAP4rev1", b"LOGIN-REFERRALS", b"ID", b"ENABLE", b"IDLE", b"SASL-IR", b"LITERAL+"}
OURS = {b"XCHATMAIL", b"XDELTAPUSH"}


@pytest.mark.parametrize(("port", "alpn"), [(993, ["imap"]), (993, []), (443, ["imap"])])
def test_before_the_login(port: int, alpn: Sequence[str], target: Target, relay: str) -> None:
    """Greeting and capabilities are those of any Dovecot, with a neutral text."""
    with _session(target, relay, port, alpn) as session, session.makefile("rwb") as lines:
        greeting = lines.readline()
        lines.write(b"a CAPABILITY\r\n")
        lines.flush()
        offered = lines.readline().split()[2:]

    assert greeting.endswith(b"] IMAP server ready.\r\n")
    assert set(offered) == STOCK | {b"AUTH=PLAIN"}
    assert not OURS & set(greeting.replace(b"]", b" ").split())


def test_without_tls(target: Target, relay: str) -> None:
    """Nor on port 143."""
    address = (target.host(relay), 143)
    with (
        socket.create_connection(address, timeout=ANSWER_S) as plain,
        plain.makefile("rb") as lines,
    ):
        greeting = lines.readline()

    assert greeting.endswith(b"] IMAP server ready.\r\n")
    assert not OURS & set(greeting.split())


def test_after_the_login(alice: Person) -> None:
    """Core asks for the capabilities after the login, and finds these."""
    assert set(alice.imap.capabilities()) >= OURS


@pytest.mark.parametrize("port", [443, 465, 993])
def test_another_protocol(port: int, target: Target, relay: str) -> None:
    """A client that offers other protocols alone is refused (RFC 7301 section 3.2)."""
    with (
        pytest.raises(ssl.SSLError, match=r"(?i)no application protocol"),
        _session(target, relay, port, ["xmpp-client"]) as session,
    ):
        session.recv(1)


@pytest.mark.parametrize(
    ("port", "alpn"), [(465, ["smtp"]), (465, []), (465, ["xmpp-client", "smtp"]), (443, ["smtp"])]
)
def test_smtp(port: int, alpn: Sequence[str], target: Target, relay: str) -> None:
    """One that offers SMTP, or names no protocol, is served."""
    with _session(target, relay, port, alpn) as session:
        assert session.recv(4) == b"220 "


@contextlib.contextmanager
def _session(target: Target, relay: str, port: int, alpn: Sequence[str]) -> Iterator[ssl.SSLSocket]:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    host = target.host(relay)
    with (
        socket.create_connection((host, port), timeout=ANSWER_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as session,
    ):
        yield session
