"""The server without TLS accepts a message and records it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from chatmail_testkit.mail.reply import transaction
from chatmail_testkit.mail.smtp import Smtp
from chatmail_testkit.peers import plaintext_server
from chatmail_testkit.peers.plaintext_server import ClearServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ClearServer]:
    """Listens on a free port."""
    monkeypatch.setattr(plaintext_server, "PORT", 0)
    with ClearServer() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_a_message(server: ClearServer) -> None:
    """The verbs come in order, the message without the final dot."""
    with Smtp("127.0.0.1", server.server_address[1]) as session:
        session.ehlo()
        reply = transaction(session, "a@b.test", ["c@d.test"], b"x: y\r\n\r\nz\r\n")

    assert reply.code == 250
    assert server.messages == [b"x: y\r\n\r\nz\r\n"]
    assert server.verbs == [b"EHLO", b"MAIL", b"RCPT", b"DATA", b"QUIT"]
