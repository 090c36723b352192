"""Runs in the client's network: what a phone does with IMAP; prints the times as JSON.

Arguments: `ACTION ADDRESS PASSWORD`, see `ACTIONS`.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import sys
import time
from collections.abc import Callable
from typing import Final

PORT: Final = 993
# what core asks for before it decides which messages to download
PREFETCH: Final = (
    "(UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE X-MICROSOFT-ORIGINAL-MESSAGE-ID"
    " FROM CONTENT-TYPE SECURE-JOIN CHAT-VERSION CHAT-IS-POST-MESSAGE AUTOCRYPT-SETUP-MESSAGE)])"
)
PIECE_BYTES: Final = 1 << 20
# the tagged line at the end of an answer
END: Final = re.compile(rb"\r\nx (\w+)[^\n]*\n\Z")
END_BYTES: Final = 1000


class Session:
    """An IMAP session that takes answers as bytes, because parsing them costs more than FETCH."""

    def __init__(self, address: str, password: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        host = address.partition("@")[2]
        self._socket = context.wrap_socket(socket.create_connection((host, PORT)))
        self.command(f"LOGIN {address} {password}")

    def command(self, text: str) -> bytes:
        """Send a command; return its whole answer."""
        self._socket.sendall(f"x {text}\r\n".encode())
        answer = bytearray(b"\r\n")
        while not (end := END.search(answer, max(0, len(answer) - END_BYTES))):
            piece = self._socket.recv(PIECE_BYTES)
            if not piece:
                sys.exit("IMAP: closed")
            answer += piece
        if end[1] != b"OK":
            sys.exit(f"IMAP: {end[0]!r}")
        return bytes(answer[2:])


def _timed(work: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start_s)


def sync(session: Session) -> dict[str, float]:
    """The headers of all messages, as a new device of the person."""
    return {"ms": _timed(lambda: session.command(f"UID FETCH 1:* {PREFETCH}"))}


def fetch(session: Session) -> dict[str, float]:
    """The last 100 messages, one by one."""
    last = session.command("UID SEARCH UID *").split(b"\r\n")[0].split()[-1]
    uids = range(int(last) - 99, int(last) + 1)
    took = _timed(lambda: [session.command(f"UID FETCH {uid} (FLAGS BODY.PEEK[])") for uid in uids])
    return {"ms": took / len(uids)}


def expunge(session: Session) -> dict[str, float]:
    """Delete the last 100 messages as core does: flags first, then CLOSE."""
    last = session.command("UID SEARCH UID *").split(b"\r\n")[0].split()[-1]
    uids = f"{int(last) - 99}:{int(last)}"

    def work() -> None:
        session.command(f"UID STORE {uids} +FLAGS (\\Deleted)")
        session.command("CLOSE")

    return {"ms": _timed(work) / 100}


ACTIONS: Final = {"list": lambda _: {"ms": 0}, "sync": sync, "fetch": fetch, "expunge": expunge}

if __name__ == "__main__":
    action, address, password = sys.argv[1:]
    session = Session(address, password)
    session.command("SELECT INBOX")
    print(json.dumps(ACTIONS[action](session)))
