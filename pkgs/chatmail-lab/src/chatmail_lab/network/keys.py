"""Secrets of clusters: the WireGuard key of each machine, and a text that all machines share."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chatmail_lab.machine.commands import run
from chatmail_lab.plan import Host
from chatmail_lab.render.files import File, text_file

PRIVATE_KEY_FILE = "/etc/chatmail-secrets/wireguard.key"
SECRET_FILE = "/etc/chatmail-secrets/cluster.secret"  # noqa: S105 - a path

# a key of X25519 is the end of its DER structure (RFC 8410 section 4 and 7)
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The secrets of all clusters of a lab, which are made once and kept in a directory."""

    directory: Path

    def public_key(self, host: Host) -> str:
        """Return the public key of a machine, as WireGuard writes it."""
        pem = run(["openssl", "pkey", "-pubout"], stdin=self._pem(host)).stdout
        return _end_of(pem)

    def files(self, host: Host) -> list[File]:
        """Return the files of a machine's own key and of the text that its cluster shares."""
        return [
            text_file(PRIVATE_KEY_FILE, f"{_end_of(self._pem(host))}\n", mode=0o600),
            text_file(SECRET_FILE, f"{self._shared(host.domain)}\n", mode=0o600),
        ]

    def _pem(self, host: Host) -> str:
        made = ["openssl", "genpkey", "-algorithm", "X25519"]
        return self._kept(f"{host.name}.pem", lambda: run(made).stdout)

    def _shared(self, domain: str) -> str:
        return self._kept(f"{domain}.secret", lambda: secrets.token_hex(_KEY_BYTES))

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        """Return the content of a file, which is made if there is none."""
        path = self.directory / name
        if not path.exists():
            self.directory.mkdir(mode=0o700, exist_ok=True)
            path.write_text(make())
        return path.read_text()


def _end_of(pem: str) -> str:
    """Return the key in a PEM text, in base64."""
    body = "".join(line for line in pem.splitlines() if not line.startswith("-"))
    return base64.b64encode(base64.b64decode(body)[-_KEY_BYTES:]).decode()
