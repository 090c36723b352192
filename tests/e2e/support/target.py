"""What a scenario needs to know of the relays it runs against, wherever these are.

`Target` is enough for most scenarios and exists for every kind of relay;
`Machine` is the inside of a relay, which a live one does not give.
"""

from __future__ import annotations

import secrets
import ssl
import string
from collections.abc import Sequence
from typing import Protocol

_NAME = string.ascii_lowercase + string.digits


class Machine(Protocol):
    """The inside of one relay, with all rights."""

    def run(self, *command: str, stdin: bytes = b"", timeout_s: float = 30) -> str:
        """Returns the standard output of a command.

        Raises:
            CommandFailedError: it ended with another code than 0.
        """

    def stop(self, unit: str) -> None:
        """Stops a systemd service and returns when it is stopped."""

    def start(self, unit: str) -> None:
        """Starts a systemd service and returns when it says it is ready."""

    def logs(self, since_s: float) -> str:
        """Returns the last lines of the journal since a time (seconds since 1970)."""

    def queue(self) -> str:
        """Returns what waits in Postfix' queue, as `postqueue -p` shows it."""


class Target(Protocol):
    """A set of relays that can reach each other."""

    @property
    def relays(self) -> Sequence[str]:
        """The mail domains, at least two."""

    def host(self, domain: str) -> str:
        """Returns the name under which clients reach a relay."""

    def tls(self) -> ssl.SSLContext:
        """Returns a context that trusts the certificates of the relays and no others."""

    def machine(self, domain: str) -> Machine | None:
        """Returns the inside of a relay, None where there is no way in."""


class CommandFailedError(AssertionError):
    """A command inside a relay failed."""


def new_name() -> str:
    """Returns a local part as clients invent it: 9 characters, never the same again."""
    return "".join(secrets.choice(_NAME) for _ in range(9))


def new_password() -> str:
    """Returns a password as clients invent it: 22 characters."""
    return secrets.token_urlsafe(32)[:22]
