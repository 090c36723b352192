"""A notification server over TLS that answers, hangs or cuts the connection."""

import asyncio
import contextlib
import dataclasses
import datetime
import http.server
import ipaddress
import pathlib
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chatmaild.accounts.push.sender import Sender
from chatmaild.address import Address, parse_address
from chatmaild.metrics import Counters
from chatmaild.settings import Push, Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.notifications import DiskQueue
from chatmaild.store.tokens import Tokens

from ...waiting import DEADLINE_S

ALICE = parse_address("alice1234@chat.example.org")
BOB = parse_address("bob123456@chat.example.org")


class NotificationServer:
    """What arrived, and what is answered: a status, `hang` or `cut`."""

    def __init__(self, certificate: pathlib.Path) -> None:
        self.certificate = certificate
        self.tokens: list[str] = []
        self.times_s: list[float] = []
        self.connections = 0
        self.answer: int | str = 200
        # answers of the next requests, before `answer` counts again
        self.script: list[int | str] = []
        self.release = threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                owner.connections += 1
                super().setup()

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                token = self.rfile.read(length)
                if len(token) < length:  # killed between the header and the body
                    self.close_connection = True
                    return
                owner.tokens.append(token.decode())
                owner.times_s.append(time.monotonic())
                answer = owner.script.pop(0) if owner.script else owner.answer
                if answer == "hang":
                    owner.release.wait(DEADLINE_S)
                    self.close_connection = True
                    return
                if answer == "cut":
                    self.close_connection = True
                    return
                self.send_response(int(answer))
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Clients that hang up or do not trust us are part of the tests."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.url = f"https://127.0.0.1:{self._server.server_port}/notify"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Stop the server and the requests that hang."""
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Office:
    """What a sender of notifications works with: Alice has two devices, Bob none."""

    push: Push
    disk: DiskQueue
    tokens: Tokens
    counters: Counters

    @contextlib.asynccontextmanager
    async def at_work(self, url: str | None = None) -> AsyncIterator[Sender]:
        """Gives a sender that works, with another notification server for another URL."""
        push = dataclasses.replace(self.push, notifier_url=url or self.push.notifier_url)
        sender = Sender(push, self.disk, self.tokens, self.counters)
        sender.start()
        try:
            yield sender
        finally:
            await sender.stop()

    def wakes(self, *addresses: Address) -> None:
        """A message for each, at once; ends when nothing waits any more."""

        async def scenario() -> None:
            async with self.at_work() as sender:
                for address in addresses:
                    sender.notify(address)
                await self.until(lambda: sender.waiting() == 0)

        asyncio.run(scenario())

    @staticmethod
    async def until(condition: Callable[[], bool]) -> None:
        """Wait until it is true."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                await asyncio.sleep(0.002)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Key and self-signed certificate for 127.0.0.1 in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "notifier")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "notifier.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def server(
    certificate: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[NotificationServer]:
    """A running notification server whose certificate this process trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    running = NotificationServer(certificate)
    yield running
    running.stop()


@pytest.fixture
def office(
    settings: Settings, server: NotificationServer, mailboxes: Mailboxes, tmp_path: pathlib.Path
) -> Office:
    """A sender's office with the test's notification server, nothing to do yet."""
    now_s = time.time()
    for address in (ALICE, BOB):
        mailboxes.create(address, "hash", now_s=now_s)
    tokens = Tokens(mailboxes, settings.push.token_valid_days)
    for token in ("openpgp:phone", "openpgp:tablet"):
        tokens.add(ALICE, token, now_s=now_s)
    return Office(
        push=dataclasses.replace(settings.push, notifier_url=server.url),
        disk=DiskQueue(tmp_path),
        tokens=tokens,
        counters=Counters(),
    )
