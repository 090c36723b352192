"""Clients of an ACME server: acmetool, which chatmail/relay runs, and lego, which NixOS runs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from chatmail_testkit.waiting import ANSWER_S

from acmetest.authority import REFUSED

# of pebble: the text that a client accepts
_TERMS: Final = "data:text/plain,Do%20what%20thou%20wilt"


class Acmetool:
    """acmetool with a store, in the configuration of chatmail/relay."""

    def __init__(self, store: Path, server: str, key: dict[str, Any]) -> None:
        self._store = store
        for name in ("conf", "desired"):
            (store / name).mkdir(parents=True, exist_ok=True)
        target = {"request": {"provider": server, "key": key}}
        # JSON is YAML
        (store / "conf" / "target").write_text(json.dumps(target))
        responses = {"acme-enter-email": "root@chat.example.org", f"acme-agreement:{_TERMS}": True}
        (store / "conf" / "responses").write_text(json.dumps(responses))

    def registers(self) -> None:
        """Make an account, by an order that the server refuses: acmetool waits 10 s for others."""
        (self._store / "desired" / REFUSED).touch()
        command = [*self._command, "reconcile"]
        subprocess.run(command, check=False, capture_output=True, timeout=ANSWER_S)

    def account_url(self) -> str:
        """The URL of the account."""
        return _output([*self._command, "account-url"])

    @property
    def _command(self) -> list[str]:
        hooks = str(self._store.parent / "hooks")
        return ["acmetool", "--state", str(self._store), "--hooks", hooks, "--batch"]


class Lego:
    """lego with NixOS' directories, called as NixOS' unit calls it."""

    def __init__(self, directory: Path, server: str, email: str, domain: str) -> None:
        self._directory = directory
        self._domain = domain
        self._options = [
            *("--accept-tos", "--path", ".", "--email", email),
            *("--http", "--http.webroot", str(directory / "webroot")),
            *("--server", server, "--key-type", "ec256"),
            *("-d", domain, "-d", f"www.{domain}"),
        ]

    def runs(self, user: str) -> None:
        """The first order."""
        self._call(user, "run")

    def renews(self, user: str) -> None:
        """A renewal, of whatever age the certificate is."""
        # pebble's certificates are valid for five years
        self._call(user, "renew", "--no-random-sleep", "--days", "9999")

    @property
    def certificate(self) -> bytes:
        """The certificate of the last order."""
        return (self._directory / "certificates" / f"{self._domain}.crt").read_bytes()

    def _call(self, user: str, *command: str) -> None:
        _output(["lego", *self._options, *command], cwd=self._directory, user=user)


def _output(command: list[str], **options: Any) -> str:
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=ANSWER_S,
        **options,
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return str(done.stdout).strip()
