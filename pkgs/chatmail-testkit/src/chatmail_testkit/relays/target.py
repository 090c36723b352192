"""The relays that a test runs against, and the command line of each.

Every kind of relay has a `Target`. Relays of strangers have no `Machine`.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Final, Protocol

from chatmail_testkit.waiting import COMMAND_S

# Runs a command as the owner of the mailboxes. runuser(1) would tell the journal its arguments.
AS_VMAIL: Final = ("setpriv", "--reuid=vmail", "--regid=vmail", "--clear-groups")


class Machine(Protocol):
    """A root shell on one relay."""

    @property
    def fronts(self) -> Sequence[Machine]:
        """The machines that clients and other servers connect to; mostly this one."""

    @property
    def stores(self) -> Sequence[Machine]:
        """The machines that have mailboxes; mostly this one."""

    @property
    def members(self) -> Sequence[Machine]:
        """All machines of the relay."""

    def store_of(self, address: str, /) -> Machine:
        """Returns the machine that has the mailbox of an address; the first store without one."""

    def run(self, *command: str, stdin: bytes = b"", timeout_s: float = COMMAND_S) -> str:
        """Returns the standard output of a command.

        Raises:
            CommandFailedError: it ended with another code than 0, or does not end.
        """

    def stop(self, unit: str) -> None:
        """Stops a systemd service and returns when it is stopped."""

    def start(self, unit: str) -> None:
        """Starts a systemd service and returns when it says it is ready."""

    def logs(self, since_s: float) -> str:
        """Returns the last lines of the journal since a time (seconds since 1970)."""

    def queue(self) -> str:
        """Returns Postfix' queue as `postqueue -p` shows it."""


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
        """Returns a root shell on a relay, None where there is no access."""


class CommandFailedError(AssertionError):
    """A command inside a relay failed."""
