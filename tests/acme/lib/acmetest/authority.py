"""A certificate authority on loopback: pebble, an ACME server for tests."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmail_testkit.waiting import ANSWER_S, wait_for

# the server takes no order for it
REFUSED: Final = "refused.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """The server; `certificate` is what clients trust."""

    port: int
    certificate: Path

    @property
    def server(self) -> str:
        """URL of the server's directory."""
        return f"https://localhost:{self.port}/dir"

    def answers(self) -> bool:
        """Whether the server runs."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        try:
            with urllib.request.urlopen(self.server, context=context, timeout=ANSWER_S) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def running(directory: Path) -> Iterator[Authority]:
    """Run a server that believes every proof of a domain."""
    certificate, key = directory / "authority.pem", directory / "authority.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", str(key)),
            *("-addext", "subjectAltName=DNS:localhost", "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
        timeout=ANSWER_S,
    )
    port, management = _free_ports(2)
    settings = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(certificate),
        "privateKey": str(key),
        "domainBlocklist": [REFUSED],
    }
    file = directory / "pebble.json"
    file.write_text(json.dumps({"pebble": settings}))
    environment = {
        "PEBBLE_VA_ALWAYS_VALID": "1",
        "PEBBLE_VA_NOSLEEP": "1",
        "PEBBLE_WFE_NONCEREJECT": "0",
    }
    authority = Authority(port=port, certificate=certificate)
    with (
        (directory / "pebble.log").open("wb") as log,
        subprocess.Popen(
            ["pebble", "-config", str(file)], env=environment, stdout=log, stderr=log
        ) as process,
    ):
        try:
            wait_for(authority.answers, "pebble answers")
            yield authority
        finally:
            process.terminate()


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports
