"""The real libmilter in a process of its own, spoken to as Postfix does (milter protocol 6)."""

import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chatmaild.address import parse_address
from chatmaild.dkim.keys import ensure_keys
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes

from .letters import ALICE, BOB, EVE, encrypted, letter

pytest.importorskip("milter", reason="pymilter is not installed")

DEADLINE_S = 20
VERSION, ALL_ACTIONS, ALL_STEPS = 6, 0x1FF, 0x1FFFFF
NEVER_ASKED = 0x001 | 0x002 | 0x100  # connect, HELO, unknown commands
# header, MAIL, DATA, end of header, body
NOT_ANSWERED = 0x080 | 0x4000 | 0x10000 | 0x40000 | 0x80000
LEADING_BLANKS = 0x100000
SERVE = """
import sys
from pathlib import Path
from chatmaild import filter, logs
from chatmaild.settings import Settings
logs.set_up()
filter.run(Settings.load(Path(sys.argv[1])))
"""


class Filter:
    """The filter of chat.example.org."""

    def __init__(self, path: str, settings_file: pathlib.Path) -> None:
        self.path = path
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(settings_file)],
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def connection(self) -> "Mta":
        """A connection that has agreed on the protocol, once the filter listens."""
        deadline_s = time.monotonic() + DEADLINE_S
        while True:
            try:
                return Mta(self.path)
            except (FileNotFoundError, ConnectionRefusedError):
                assert self.process.poll() is None, self.process.communicate()[1]
                assert time.monotonic() < deadline_s
                time.sleep(0.01)

    def stop(self) -> str:
        """What it logged, after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=DEADLINE_S)[1].decode()


class Mta:
    """Postfix' side of a connection."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(DEADLINE_S)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise
        self.send(b"O", struct.pack("!III", VERSION, ALL_ACTIONS, ALL_STEPS))
        _, agreed = self.receive()
        self.steps = struct.unpack("!III", agreed[:12])[2]
        self.macros = agreed[12:]

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def send(self, command: bytes, data: bytes = b"") -> None:
        """One packet."""
        self._socket.sendall(struct.pack("!I", len(data) + 1) + command + data)

    def receive(self) -> tuple[bytes, bytes]:
        """Command and data of one packet."""
        size = struct.unpack("!I", self._exactly(4))[0]
        packet = self._exactly(size)
        return packet[:1], packet[1:]

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            assert more, "the filter closed the connection"
            data += more
        return data

    def envelope(self, entrance: str, sender: str, *recipients: str) -> list[tuple[bytes, bytes]]:
        """Answers to the recipients; MAIL is not answered."""
        self.send(b"D", b"M{daemon_name}\0" + entrance.encode() + b"\0")
        self.send(b"M", f"<{sender}>".encode() + b"\0")
        answers = []
        for recipient in recipients:
            self.send(b"R", f"<{recipient}>".encode() + b"\0")
            answers.append(self.receive())
        return answers

    def content(self, author: str, *fields: bytes, body: bytes) -> list[tuple[bytes, bytes]]:
        """Everything that the filter says to a message: changes, then its decision."""
        self.send(b"T")
        for header in letter(author, *fields):
            self.send(b"L", header.name + b"\0" + header.value.replace(b"\r\n", b"\n") + b"\0")
        self.send(b"N")
        for at in range(0, len(body), 65_535):
            self.send(b"B", body[at : at + 65_535])
        self.send(b"E")
        answers = [self.receive()]
        while answers[-1][0] not in b"cartdy":
            answers.append(self.receive())
        return answers


@pytest.fixture
def served(
    settings: Settings,
    settings_json: dict[str, Any],
    mailboxes: Mailboxes,
    tmp_path: pathlib.Path,
) -> Iterator[Filter]:
    """A filter that runs; Alice and Bob live there."""
    for address in (ALICE, BOB):
        mailboxes.create(parse_address(address), "hash", now_s=0)
    ensure_keys(settings)
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings_json))
    running = Filter(settings.sockets.milter, file)
    yield running
    if running.process.poll() is None:
        running.process.kill()
    running.process.communicate()


@pytest.fixture
def mta(served: Filter) -> Iterator[Mta]:
    """A connection of Postfix."""
    connection = served.connection()
    yield connection
    connection.close()


def test_nothing_is_answered_that_needs_no_answer(mta: Mta) -> None:
    """Postfix waits at RCPT and at the end only; header values come as they were written."""
    wanted = NEVER_ASKED | NOT_ANSWERED | LEADING_BLANKS

    assert mta.steps & wanted == wanted
    assert b"{daemon_name}" in mta.macros


def test_a_message_leaves(mta: Mta) -> None:
    """It is cleaned and signed; several go through one connection."""
    for _ in range(3):
        assert mta.envelope("submission", ALICE, EVE) == [(b"c", b"")]
        answers = mta.content(ALICE, b"Subject: secret", b"User-Agent: x", body=encrypted())

        assert answers[:2] == [
            (b"m", b"\0\0\0\x01User-Agent\0\0"),
            (b"m", b"\0\0\0\x01Subject\0 [...]\0"),
        ]
        assert answers[2][0] == b"i"
        assert answers[2][1].startswith(b"\0\0\0\0DKIM-Signature\0 v=1; a=rsa-sha256; ")
        assert answers[3:] == [(b"c", b"")]


def test_refusals_are_told_word_by_word(mta: Mta) -> None:
    """At the end of the message."""
    mta.envelope("submission", ALICE, EVE)

    assert mta.content(ALICE, body=b"Hello\r\n") == [
        (b"y", b"523 Encryption Needed: Invalid Unencrypted Mail\0")
    ]
    mta.envelope("smtp", EVE, ALICE)
    assert mta.content(EVE, body=encrypted()) == [(b"y", b"554 5.7.1 No DKIM signature found\0")]


def test_too_much_mail_is_told_at_rcpt(mta: Mta) -> None:
    """Every recipient of the eleventh message reads it; percent signs come through."""
    sender = "100%@chat.example.org"
    for _ in range(10):
        assert mta.envelope("submission", sender, EVE) == [(b"c", b"")]
        mta.send(b"A")
    text = f"450 4.7.1: Too much mail from <{sender}>, try again in a minute\0"

    expected = [(b"y", text.replace("%", "%%").encode())] * 2
    assert mta.envelope("submission", sender, EVE, BOB) == expected


def test_forwarded_mail_and_disabled_recipients(mta: Mta, mailboxes: Mailboxes) -> None:
    """The envelope is changed at the end of the message."""
    mailboxes.set_disabled(parse_address(BOB), True)
    mta.envelope("mxdeliv", "list@list.example", ALICE, BOB)

    assert mta.content("eve@[192.0.2.1]", body=encrypted()) == [
        (b"-", f"<{BOB}>".encode() + b"\0"),
        (b"e", b"<>\0"),
        (b"c", b""),
    ]


def test_disabled_senders_read_250(mta: Mta, mailboxes: Mailboxes) -> None:
    """The message is discarded."""
    mailboxes.set_disabled(parse_address(ALICE), True)
    mta.envelope("submission", ALICE, EVE)

    assert mta.content(ALICE, body=encrypted()) == [(b"d", b"")]


def test_an_error_of_ours_loses_no_mail(served: Filter, mta: Mta, settings: Settings) -> None:
    """451, the next message passes, and the log names nobody."""
    path = pathlib.Path(settings.directories.mail) / "carol@chat.example.org"
    path.symlink_to(path)
    mta.envelope("submission", ALICE, "carol@chat.example.org")
    internal = (b"y", b"451 4.3.0 Internal error in mail filter, try again later\0")

    assert mta.content(ALICE, body=encrypted()) == [internal]
    assert mta.envelope("a misconfigured entrance", ALICE, BOB) == [internal]
    mta.send(b"A")
    assert mta.envelope("submission", ALICE, BOB) == [(b"c", b"")]
    assert mta.content(ALICE, body=encrypted())[-1] == (b"c", b"")
    mta.close()
    log = served.stop()
    assert log.count("failed") == 2
    assert "@" not in log


def test_it_stops_at_once(served: Filter, mta: Mta) -> None:
    """libmilter by itself would take connections for five more seconds that nobody serves."""
    mta.close()
    started_s = time.monotonic()
    served.stop()

    assert served.process.returncode == 0
    assert time.monotonic() - started_s < 4


def test_a_stop_lets_the_message_under_way_end(served: Filter, mta: Mta) -> None:
    """One that begins meanwhile is put off."""
    other = served.connection()
    assert mta.envelope("submission", ALICE, BOB) == [(b"c", b"")]
    served.process.send_signal(signal.SIGTERM)
    deadline_s = time.monotonic() + DEADLINE_S
    while pathlib.Path(served.path).exists():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)

    internal = (b"y", b"451 4.3.0 Internal error in mail filter, try again later\0")
    assert other.envelope("submission", ALICE, BOB) == [internal]
    assert mta.content(ALICE, body=encrypted())[-1] == (b"c", b"")
    other.close()
    served.process.communicate(timeout=DEADLINE_S)
    assert served.process.returncode == 0
