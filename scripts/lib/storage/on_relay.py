"""Runs on a relay: delivers messages to a mailbox by LMTP, or counts what the mailbox takes.

Arguments: `deliver ADDRESS NUMBER`, `used`, or `disk ADDRESS`; prints JSON.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import Final

LMTP: Final = "/var/lib/postfix/queue/private/dovecot-lmtp"
GROUP: Final = Path("/sys/fs/cgroup/system.slice/dovecot.service")
MAIL: Final = "/var/lib/chatmail/mail"
# stat(2), st_blocks
BLOCK_BYTES: Final = 512
TEXT: Final = """\
From: <{sender}>\r
To: <{address}>\r
Subject: [...]\r
Date: Sun, 29 Nov 2026 10:00:00 +0000\r
Message-ID: <{name}@localhost>\r
Chat-Version: 1.0\r
MIME-Version: 1.0\r
Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b{name}"\r
Autocrypt: addr={sender}; prefer-encrypt=mutual; keydata=\r
"""
BODY_BYTES: Final = 2048


def used_us() -> int:
    """CPU time of Dovecot's control group in microseconds."""
    lines = (GROUP / "cpu.stat").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("usage_usec")))


def message(address: str) -> bytes:
    """A message of 2 KB with the headers of chat messages."""
    name = secrets.token_hex(16)
    sender = f"s{name[:8]}@{address.partition('@')[2]}"
    head = TEXT.format(sender=sender, address=address, name=name)
    line = secrets.token_hex(38) + "\r\n"
    lines = (BODY_BYTES - len(head)) // len(line)
    return f"{head}\r\n{line * lines}".encode()


def deliver(address: str, number: int) -> dict[str, float]:
    """Deliver in one connection, one after the other, as Postfix does; CPU and time of each."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as lmtp:
        lmtp.connect(LMTP)
        replies = lmtp.makefile("rb")
        _reply(replies)
        lmtp.sendall(b"LHLO bench\r\n")
        _reply(replies)
        start_us, start_s = used_us(), time.perf_counter()
        for _ in range(number):
            lmtp.sendall(
                f"MAIL FROM:<s@{address.partition('@')[2]}>\r\nRCPT TO:<{address}>\r\n"
                "DATA\r\n".encode()
            )
            for _ in range(3):
                _reply(replies)
            lmtp.sendall(message(address) + b".\r\n")
            _reply(replies)
        took_s = time.perf_counter() - start_s
    return {"cpu_ms": (used_us() - start_us) / number / 1000, "ms": 1000 * took_s / number}


def _reply(replies: object) -> None:
    while True:
        line: bytes = replies.readline()  # type: ignore[attr-defined]
        if line[:1] not in (b"2", b"3"):
            sys.exit(f"LMTP: {line!r}")
        if line[3:4] == b" ":
            return


def disk(address: str) -> dict[str, float]:
    """Bytes and inodes of a mailbox, and the size of its index files."""
    blocks = inodes = index = 0
    for folder, _, files in os.walk(f"{MAIL}/{address}"):
        inodes += 1
        for name in files:
            status = os.lstat(f"{folder}/{name}")
            inodes += 1
            blocks += status.st_blocks
            index += status.st_size if name.startswith("dovecot") else 0
    return {"bytes": blocks * BLOCK_BYTES, "inodes": inodes, "index_bytes": index}


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "deliver":
        print(json.dumps(deliver(arguments[0], int(arguments[1]))))
    elif command == "disk":
        print(json.dumps(disk(arguments[0])))
    else:
        print(json.dumps({"us": used_us()}))
