"""What the filter's check costs: CPU time and memory, beside the same milter that only reads.

    python3 bench/filter.py
    scripts/lab exec a.test python3 - < pkgs/chatmaild/bench/filter.py          # in the lab

Speaks to the filter as Postfix does. `read` is the session that takes every header field and every
piece of the body and looks at none; `check` is what the rules and
DKIM add, `hash` the SHA-256 in it, which DKIM needs. What Postfix pays for the same message is in
`tests/e2e/messages/test_large_messages_need_little_memory_and_cpu_time.py`. Ends with 1 where many
messages of 30 MB at once take more memory than they may.
Over 300 lines: one program that is handed to a host as a whole, by standard input.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

CHILD = """
import sys, threading, time
from functools import partial
from pathlib import Path
from chatmaild.dkim.keys import load_key, public_record
from chatmaild.dkim.resolver import KeyCache, TxtAnswer
from chatmaild.dkim.signer import Signer
from chatmaild.filter import session
from chatmaild.filter.transaction import Decision
from chatmaild.filter.policy import ByteBudget, Policy
from chatmaild.filter.rate_limit import RateLimiter
from chatmaild.filter.recipients import RecipientLookup
from chatmaild.filter.verdicts import Accept
from chatmaild.wire.listening import listen_unix
from chatmaild.wire.loop import Loop

class Reader:
    def __init__(self, *_): pass
    def add_header(self, *_): pass
    def end_of_headers(self): pass
    def body(self, _): pass
    def end(self, **_): return Decision(verdict=Accept())
    def close(self): pass

class Everybody:
    def exists(self, _): return True
    def is_disabled(self, _): return False
    def accepts_clear_text(self, _): return False
    def is_nearly_full(self, _): return False

key = load_key(Path(sys.argv[3]))
record = public_record(key)
policy = Policy(
    mail_domain="relay.test",
    flags=Everybody(),
    recipient_lookup=RecipientLookup(Everybody(), "/nowhere"),
    limiter=RateLimiter(per_minute=10**6, burst=10**6),
    signer=Signer(domain="relay.test", selector="s", key=key),
    keys=KeyCache(query=lambda _: TxtAnswer(texts=(record,), ttl_s=3600)),
    header_budget=ByteBudget(64 << 20),
)
if sys.argv[1] == "read":
    session.Transaction = Reader
loop = Loop(listen_unix(sys.argv[2]), partial(session.Session, policy))
threading.Thread(target=loop.run, args=(print, 0), daemon=True).start()
for _ in sys.stdin:
    print(time.process_time(), flush=True)
"""
SIZES = {2_000: 300, 100_000: 100, 5_000_000: 10, 30_000_000: 5}  # bytes, and how many messages
LARGE_BYTES = 30_000_000
MOST_MEMORY = 1.5  # times one message
AT_ONCE = 10
PIECE_BYTES = 65_535  # as Postfix sends bodies
DEADLINE_S = 60.0
PEM, TRADITIONAL = Encoding.PEM, PrivateFormat.TraditionalOpenSSL
BOUNDARY = b"=-cut"
Field = tuple[bytes, bytes]
Way = tuple[str, str]  # ingress and recipient


class Milter:
    """A process with the milter of one kind, `read` or `check`."""

    def __init__(self, kind: str, directory: pathlib.Path) -> None:
        self.path = str(directory / f"{kind}.sock")
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, kind, self.path, str(directory / "key.pem")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.cpu_s()

    def cpu_s(self) -> float:
        """CPU time of the process so far."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def forgets_its_peak(self) -> int:
        """Memory now; the peak counts from here (proc(5), clear_refs)."""
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self.memory("VmRSS")

    def memory(self, name: str) -> int:
        """A line of its status, in bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024


class Mta:
    """Postfix' side of a connection (milter protocol 6)."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(DEADLINE_S)
        deadline_s = time.monotonic() + DEADLINE_S
        while self._socket.connect_ex(path):
            assert time.monotonic() < deadline_s, "the milter does not listen"
            time.sleep(0.01)
        self._send(b"O", struct.pack("!III", 6, 0x1FF, 0x1FFFFF))
        self._receive()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def passes(self, way: Way, fields: list[Field], body: bytes) -> None:
        """Give it a message, which must pass."""
        ingress, recipient = way
        sender = b"alice@relay.test"
        macros = (b"{daemon_name}", ingress.encode(), b"{auth_authen}", sender)
        self._send(b"D", b"M" + b"\0".join((*macros, b"{mail_addr}", sender, b"")))
        self._send(b"M", b"<" + sender + b">\0")
        self._send(b"D", b"R{rcpt_addr}\0" + recipient.encode() + b"\0")
        self._send(b"R", f"<{recipient}>".encode() + b"\0")
        assert self._receive() == b"c"
        self._send(b"T")
        for name, value in fields:
            self._send(b"L", name + b"\0" + value.replace(b"\r\n", b"\n") + b"\0")
        self._send(b"N")
        for at in range(0, len(body), PIECE_BYTES):
            self._send(b"B", body[at : at + PIECE_BYTES])
        self._send(b"E")
        while (answer := self._receive())[:1] not in b"cartdy":
            pass
        assert answer == b"c", answer

    def _send(self, command: bytes, data: bytes = b"") -> None:
        self._socket.sendall(struct.pack("!I", len(data) + 1) + command + data)

    def _receive(self) -> bytes:
        (size,) = struct.unpack("!I", self._exactly(4))
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            assert more, "the milter closed the connection"
            data += more
        return data


def encrypted(size_bytes: int) -> bytes:
    """The body of an encrypted message of about that size."""
    filling = b"\x01" + os.urandom(max(100, (size_bytes - 600) * 3 // 4))
    # a session key: version 3, X25519, AES-256 (RFC 9580 section 5.1.6)
    packets = b"\xc1\x54\x03" + bytes(8) + b"\x19" + bytes(32) + b"\x29\x09" + bytes(40)
    packets += b"\xd2\xff" + len(filling).to_bytes(4, "big") + filling
    text = base64.b64encode(packets)
    lines = b"".join(text[at : at + 76] + b"\r\n" for at in range(0, len(text), 76))
    armour = b"-----BEGIN PGP MESSAGE-----\r\n\r\n" + lines + b"-----END PGP MESSAGE-----\r\n"
    control = (b"application/pgp-encrypted", b"Version: 1\r\n")
    parts = (control, (b"application/octet-stream", armour))
    delimiter = b"--" + BOUNDARY
    each = [delimiter + b"\r\nContent-Type: " + kind + b"\r\n\r\n" + data for kind, data in parts]
    return b"\r\n".join(each) + b"\r\n" + delimiter + b"--\r\n"


def header(author: str) -> list[Field]:
    """Header fields as Postfix sends them."""
    kind = b' multipart/encrypted; protocol="application/pgp-encrypted"; boundary="=-cut"'
    own = {b"From": f" <{author}>".encode(), b"To": b" <x@elsewhere.test>", b"Subject": b" [...]"}
    return [*own.items(), (b"Content-Type", kind)]


def signed(fields: list[Field], body: bytes, form_name: str, key_file: pathlib.Path) -> list[Field]:
    """The header with a signature of relay.test before it, c=relaxed/FORM (RFC 6376)."""
    from chatmaild.dkim.canonical import BodyHash, Canonicalization, Fields, header_digest_input
    from chatmaild.dkim.keys import load_key
    from chatmaild.filter.mime.headers import Header

    body_hash = BodyHash(Canonicalization(form_name))
    body_hash.feed(body)
    tags = f" v=1; a=rsa-sha256; c=relaxed/{form_name}; d=relay.test; s=s; h=from:to; bh="
    unsigned = tags.encode() + base64.b64encode(body_hash.digest()) + b"; b="
    headers = Fields([Header(name, value) for name, value in fields])
    chosen = headers.select([b"from", b"to"])
    data = header_digest_input(
        chosen, Canonicalization.RELAXED, Header(b"DKIM-Signature", unsigned)
    )
    signature = load_key(key_file).sign(data, PKCS1v15(), SHA256())
    return [(b"DKIM-Signature", unsigned + base64.b64encode(signature)), *fields]


def cpu_ms(milter: Milter, count: int, way: Way, fields: list[Field], body: bytes) -> float:
    """CPU time for one message, of `count` over one connection."""
    mta = Mta(milter.path)
    mta.passes(way, fields, body)  # what is only done once
    before_s = milter.cpu_s()
    for _ in range(count):
        mta.passes(way, fields, body)
    spent_s = milter.cpu_s() - before_s
    mta.close()
    return 1000 * spent_s / count


def grown_bytes(milter: Milter, at_once: int, way: Way, fields: list[Field], body: bytes) -> int:
    """How far its memory grows with so many messages at a time."""
    mtas = [Mta(milter.path) for _ in range(at_once)]
    before = milter.forgets_its_peak()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda mta: mta.passes(way, fields, body), mtas))
    for mta in mtas:
        mta.close()
    return milter.memory("VmHWM") - before


def hash_ms(body: bytes) -> float:
    """CPU time for the SHA-256 of a body."""
    before_s = time.process_time()
    hashlib.sha256(body)
    return 1000 * (time.process_time() - before_s)


def ways(body: bytes, key_file: pathlib.Path) -> list[tuple[str, Way, list[Field]]]:
    """What can happen to a message: name, ingress and recipient, header."""
    fields = header("alice@relay.test")
    leaves, comes = ("submission", "x@elsewhere.test"), ("smtp", "bob@relay.test")
    return [
        ("leaves, is signed", leaves, fields),
        *(
            (f"comes in, relaxed/{form}", comes, signed(fields, body, form, key_file))
            for form in ("simple", "relaxed")
        ),
    ]


def measure_cpu(milters: list[Milter], key_file: pathlib.Path) -> None:
    """One line for each size and way."""
    print(f"{'message':39}{'read':>10}{'check':>10}{'(hash)':>10}  check / read")
    for size, count in SIZES.items():
        body = encrypted(size)
        for title, way, fields in ways(body, key_file):
            read, both = (cpu_ms(milter, count, way, fields, body) for milter in milters)
            shown = f"{read:7.2f} ms{both - read:7.2f} ms{hash_ms(body):7.2f} ms"
            print(f"{size / 1000:7.0f} KB {title:28}{shown}{(both - read) / read:9.1f}", flush=True)


def measure_memory(milter: Milter, key_file: pathlib.Path) -> int:
    """The most that large messages took, in bytes."""
    body, most = encrypted(LARGE_BYTES), 0
    for title, way, fields in ways(body, key_file):
        for at_once in (1, AT_ONCE):
            grown = grown_bytes(milter, at_once, way, fields, body)
            most = max(most, grown)
            shown = f"{at_once:3} at once: memory grows by {grown / 1e6:5.1f} MB"
            print(f"{LARGE_BYTES / 1000:7.0f} KB {title:28}{shown}", flush=True)
    return most


def main() -> int:
    """Measure, print, and say by the exit code whether large messages take too much memory."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        key_file = directory / "key.pem"
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        key_file.write_bytes(key.private_bytes(PEM, TRADITIONAL, NoEncryption()))
        milters = [Milter(kind, directory) for kind in ("read", "check")]
        try:
            measure_cpu(milters, key_file)
            most = measure_memory(milters[1], key_file)
        finally:
            for milter in milters:
                milter.process.kill()
                milter.process.communicate()
    return int(most > MOST_MEMORY * LARGE_BYTES)


if __name__ == "__main__":
    sys.exit(main())
