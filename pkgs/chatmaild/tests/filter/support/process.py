"""The filter in a process of its own, and a milter client as Postfix is (milter protocol 6)."""

import array
import contextlib
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys

from ...children import environment, output
from ...waiting import DEADLINE_S, until
from .messages import header_from

VERSION, ALL_ACTIONS, ALL_STEPS = 6, 0x1FF, 0x1FFFFF
# longer than a test waits: a stop ends before it, or hangs
DRAIN_S = 2 * DEADLINE_S
NOT_REQUESTED = 0x001 | 0x002 | 0x100  # connect, HELO, unknown commands
# header, MAIL, DATA, end of header, body
NOT_ANSWERED = 0x080 | 0x4000 | 0x10000 | 0x40000 | 0x80000
UNANSWERED_RCPT = 0x8000
LEADING_SPACE = 0x100000
# systemd passes kept descriptors from number 3 on (sd_listen_fds(3))
SERVE = """
import os, sys
from pathlib import Path
os.environ["LISTEN_PID"] = str(os.getpid())
given = [int(number) for number in os.environ.pop("GIVEN", "").split()]
for number, descriptor in enumerate(given):
    os.dup2(descriptor, 100 + number)
for number in range(len(given)):
    os.dup2(100 + number, 3 + number)
from chatmaild import filter, logs
from chatmaild.filter import service
service._DRAIN_S = float(os.environ.pop("DRAIN_S"))
from chatmaild.settings import Settings
logs.set_up()
filter.run(Settings.load(Path(sys.argv[1])))
"""


class FdStore:
    """systemd's file descriptor store of one unit."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = str(path)
        self._kept: list[tuple[str, int]] = []
        self._inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._inbox.bind(self.path)
        self._inbox.setblocking(False)

    def read(self) -> None:
        """Receive pending messages of the unit."""
        with contextlib.suppress(BlockingIOError):
            while True:
                message, ancillary, *_ = self._inbox.recvmsg(1000, socket.CMSG_SPACE(8))
                fields = dict(line.split("=", 1) for line in message.decode().splitlines())
                if "BARRIER" in fields:
                    os.close(array.array("i", ancillary[0][2])[0])
                    continue
                if "FDSTOREREMOVE" in fields:
                    self._forget(fields["FDNAME"])
                for *_, data in ancillary:
                    self._kept += [(fields["FDNAME"], fd) for fd in array.array("i", data)]

    def names(self) -> list[str]:
        """The names of the kept descriptors."""
        self.read()
        return [name for name, _ in self._kept]

    def descriptors(self) -> list[int]:
        """The kept descriptors."""
        self.read()
        return [descriptor for _, descriptor in self._kept]

    def close(self) -> None:
        """Close all descriptors, as `systemctl stop` does."""
        for name in set(self.names()):
            self._forget(name)
        self._inbox.close()

    def _forget(self, name: str) -> None:
        for kept in [kept for kept in self._kept if kept[0] == name]:
            self._kept.remove(kept)
            os.close(kept[1])


class Filter:
    """The filter of chat.example.org; with a store its sessions survive a restart."""

    def __init__(
        self, path: str, settings_file: pathlib.Path, store: FdStore | None = None
    ) -> None:
        self.path = path
        variables = {"DRAIN_S": str(DRAIN_S)}
        handed: list[int] = []
        if store is not None:
            handed = store.descriptors()
            variables |= {
                "GIVEN": " ".join(map(str, handed)),
                "NOTIFY_SOCKET": store.path,
                "LISTEN_FDS": str(len(handed)),
                "LISTEN_FDNAMES": ":".join(store.names()),
            }
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(settings_file)],
            stderr=subprocess.PIPE,
            env=environment(**variables),
            pass_fds=handed,
        )

    def connection(self) -> "Mta":
        """A negotiated connection; waits until the filter listens."""
        until(self._listens, "the filter listens")
        mta = Mta.connected(self.path)
        mta.negotiate()
        return mta

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()[1]
        try:
            Mta.connected(self.path).close()
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def end(self) -> None:
        """Kill the process, if it runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def ends(self, store: FdStore) -> None:
        """Wait until the process has exited; the store receives meanwhile."""

        def has_ended() -> bool:
            store.read()
            return self.process.poll() is not None

        until(has_ended, "the filter ends")
        self.process.communicate()

    def stop(self) -> str:
        """Send SIGTERM; returns the log."""
        self.process.send_signal(signal.SIGTERM)
        return output(self.process)[1].decode()


class Mta:
    """A milter client, as Postfix is."""

    def __init__(self, peer: socket.socket) -> None:
        self._socket = peer

    @classmethod
    def connected(cls, path: str) -> "Mta":
        """A connection without negotiation."""
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(DEADLINE_S)
        try:
            peer.connect(path)
        except OSError:
            peer.close()
            raise
        return cls(peer)

    def negotiate(self) -> None:
        """Negotiate the protocol."""
        self.send(b"O", struct.pack("!III", VERSION, ALL_ACTIONS, ALL_STEPS))
        _, read_resolved_path = self.receive()
        self.steps = struct.unpack("!III", read_resolved_path[:12])[2]
        self.macros = read_resolved_path[12:]

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def send(self, command: bytes, data: bytes = b"") -> None:
        """Send one packet."""
        self._socket.sendall(struct.pack("!I", len(data) + 1) + command + data)

    def receive(self) -> tuple[bytes, bytes]:
        """Receive one packet: command and data."""
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

    def envelope(self, ingress: str, sender: str, *recipients: str) -> list[tuple[bytes, bytes]]:
        """Send an envelope; returns the answers to RCPT (MAIL gets none)."""
        self.send_envelope(ingress, sender, *recipients)
        return [self.receive() for _ in recipients]

    def send_envelope(self, ingress: str, sender: str, *recipients: str) -> None:
        """Send MAIL and RCPT, each with its macros."""
        macros = {"daemon_name": ingress, "mail_addr": sender, "client_addr": "192.0.2.1"}
        if ingress == "submission":
            macros["auth_authen"] = sender
        pairs = "".join(f"{{{name}}}\0{value}\0" for name, value in macros.items())
        self.send(b"D", b"M" + pairs.encode())
        self.send(b"M", f"<{sender}>".encode() + b"\0")
        for recipient in recipients:
            self.send(b"D", b"R{rcpt_addr}\0" + recipient.encode() + b"\0")
            self.send(b"R", f"<{recipient}>".encode() + b"\0")

    def content(self, author: str, *fields: bytes, body: bytes) -> list[tuple[bytes, bytes]]:
        """Send header and body; returns the answers: changes, then the decision."""
        self.begin_content(author, *fields)
        return self.end_content(body)

    def begin_content(self, author: str, *fields: bytes, data_sent: bool = False) -> None:
        """Send the header, and DATA before it unless it was sent."""
        if not data_sent:
            self.send(b"T")
        for header in header_from(author, *fields):
            self.send(b"L", header.name + b"\0" + header.value.replace(b"\r\n", b"\n") + b"\0")

    def end_content(self, body: bytes) -> list[tuple[bytes, bytes]]:
        """Send the body; returns the answers: changes, then the decision."""
        self.send(b"N")
        for at in range(0, len(body), 65_535):
            self.send(b"B", body[at : at + 65_535])
        self.send(b"E")
        answers = [self.receive()]
        while answers[-1][0] not in b"cartdy":
            answers.append(self.receive())
        return answers
