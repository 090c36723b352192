"""Clients need TLS 1.3, other servers at least TLS 1.2."""

from __future__ import annotations

import contextlib
import socket
import ssl
from ssl import TLSVersion

import pytest
from chatmail_testkit.mail import sessions
from chatmail_testkit.relays.target import Target
from chatmail_testkit.waiting import ANSWER_S


@pytest.mark.parametrize("port", [465, 993])
def test_clients_need_tls_1_3(port: int, target: Target, relay: str) -> None:
    """On ports 465 and 993."""
    assert _version(target, relay, port, TLSVersion.TLSv1_3) == "TLSv1.3"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _version(target, relay, port, TLSVersion.TLSv1_2)


def test_starttls_clients_need_tls_1_3(target: Target, relay: str) -> None:
    """On port 587."""
    for version, refused in ((TLSVersion.TLSv1_3, False), (TLSVersion.TLSv1_2, True)):
        with sessions.port_587(target, relay) as session, contextlib.ExitStack() as stack:
            if refused:
                stack.enter_context(pytest.raises(ssl.SSLError, match=r"(?i)protocol version"))
            assert session.starttls(_context(version)).code == 220


def test_clients_need_starttls(target: Target, relay: str) -> None:
    """Port 587 refuses all commands before STARTTLS (RFC 3207 section 4)."""
    with sessions.port_587(target, relay) as session:
        codes = [
            session.command(f"MAIL FROM:<somebody1@{relay}>").code,
            session.command("AUTH PLAIN AAAA").code,
        ]

        assert codes == [530, 530]
        assert "auth" not in session.extensions


def test_servers_may_use_tls_1_2(target: Target, relay: str) -> None:
    """It is still common between mail servers."""
    context = _context(TLSVersion.TLSv1_2)
    with sessions.port_25(target, relay, starttls=False) as session:
        reply = session.starttls(context)

    assert reply.code == 220


@pytest.mark.filterwarnings("ignore:.*TLSv1_1 is deprecated:DeprecationWarning")
def test_servers_may_not_use_tls_1_1(target: Target, relay: str) -> None:
    """RFC 8996."""
    context = _context(TLSVersion.TLSv1_1)
    context.set_ciphers("ALL:@SECLEVEL=0")  # otherwise this client would refuse
    with (
        sessions.port_25(target, relay, starttls=False) as session,
        pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"),
    ):
        session.starttls(context)


def _version(target: Target, relay: str, port: int, version: TLSVersion) -> str | None:
    with contextlib.ExitStack() as stack:
        plain = socket.create_connection((target.host(relay), port), timeout=ANSWER_S)
        stack.enter_context(plain)
        context = _context(version)
        session = stack.enter_context(
            context.wrap_socket(plain, server_hostname=target.host(relay))
        )
        return session.version() if session.recv(1) else None


def _context(version: TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    return context
