"""The client on a socket speaks SMTP and IMAP with a server under TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatmail_testkit.mail import raw
from chatmail_testkit.mail.raw import ProtocolError, RawImap, RawSmtp
from chatmail_testkit.peers.certificate import self_signed
from chatmail_testkit.waiting import wait_for

Play = Callable[[bytes], bytearray]
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE
LOGIN = b"220 here\r\n250-here\r\n250 SIZE\r\n235 welcome\r\n"


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """Starts a server that sends all its lines at once, and records what it reads."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    threads: list[threading.Thread] = []

    def start(lines: bytes) -> bytearray:
        listener = socket.create_server(("127.0.0.1", 0))
        received = bytearray()

        def serve() -> None:
            plain, _ = listener.accept()
            listener.close()
            with context.wrap_socket(plain, server_side=True) as peer:
                peer.sendall(lines)
                while piece := peer.recv(4096):
                    received.extend(piece)

        monkeypatch.setattr(raw, "SUBMISSIONS", listener.getsockname()[1])
        monkeypatch.setattr(raw, "IMAPS", listener.getsockname()[1])
        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return received

    yield start
    for thread in threads:
        thread.join()


def test_a_message(play: Play) -> None:
    """MAIL, RCPT and DATA go out in one piece."""
    received = play(LOGIN + b"250 ok\r\n250 ok\r\n354 go on\r\n250 taken\r\n")
    with RawSmtp("127.0.0.1", "a@b.test", "secret", TLS) as session:
        session.submit("c@d.test", b"x: y\r\n\r\nz")
    commands = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nx: y\r\n\r\nz\r\n.\r\n"

    wait_for(lambda: received.endswith(commands), "the message", every_s=0.01)
    assert received.startswith(b"EHLO load.example\r\nAUTH PLAIN AGFAYi50ZXN0AHNlY3JldA==\r\n")


def test_a_refused_message(play: Play) -> None:
    """Raises the reply."""
    play(LOGIN + b"250 ok\r\n550 no\r\n")
    with (
        RawSmtp("127.0.0.1", "a@b.test", "secret", TLS) as session,
        pytest.raises(ProtocolError, match="wanted 250, got 550 no"),
    ):
        session.submit("c@d.test", b"z")


def test_an_inbox(play: Play) -> None:
    """Its size, IDLE and a notice."""
    status = b"* STATUS INBOX (MESSAGES 3)\r\nx OK done\r\n"
    play(b"* OK here\r\nx OK in\r\n" + status + b"x OK selected\r\n+ idling\r\n* 4 EXISTS\r\n")
    with RawImap("127.0.0.1", "a@b.test", "secret", TLS) as session:
        assert session.messages() == 3
        session.idles()
        session.notice()


def test_a_refused_login(play: Play) -> None:
    """Raises the answer."""
    play(b"* OK here\r\nx NO [AUTHENTICATIONFAILED] no\r\n")
    with pytest.raises(ProtocolError, match="AUTHENTICATIONFAILED"):
        RawImap("127.0.0.1", "a@b.test", "wrong", TLS)
