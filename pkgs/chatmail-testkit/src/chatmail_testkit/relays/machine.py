"""Commands on a relay, through `scripts/lab exec` or ssh."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from chatmail_testkit import hanging
from chatmail_testkit.relays.target import CommandFailedError
from chatmail_testkit.waiting import COMMAND_S

LOG_LINES = 40


class RemoteMachine(Protocol):
    """One relay; a subclass says how to run a command there."""

    @property
    def host(self) -> str:
        """Its name, for error messages."""

    @property
    def fronts(self) -> Sequence[RemoteMachine]:
        """The machines that clients and other servers connect to."""
        return (self,)

    @property
    def stores(self) -> Sequence[RemoteMachine]:
        """The machines that have mailboxes."""
        return (self,)

    @property
    def members(self) -> Sequence[RemoteMachine]:
        """All machines of the relay."""
        return tuple(dict.fromkeys((*self.fronts, *self.stores)))

    def store_of(self, _: str, /) -> RemoteMachine:
        """Returns the machine that has the mailbox of an address; the first store without one."""
        return self.stores[0]

    def argv(self, command: tuple[str, ...]) -> list[str]:
        """Returns the local command line that runs a command there."""

    def run(self, *command: str, stdin: bytes = b"", timeout_s: float = COMMAND_S) -> str:
        """Returns the standard output of a command."""
        argv = self.argv(command)
        try:
            done = hanging.run(argv, stdin=stdin, timeout_s=timeout_s)
        except hanging.HangsError as error:
            raise CommandFailedError(f"{self.host}: {' '.join(command)}: {error}") from None
        if done.returncode:
            shown = done.stderr.decode(errors="replace").strip()
            raise CommandFailedError(f"{self.host}: {' '.join(command)}: {shown}")
        return done.stdout.decode(errors="replace")

    def stop(self, unit: str) -> None:
        """Stops a service."""
        self.run("systemctl", "stop", unit)

    def start(self, unit: str) -> None:
        """Starts a service, even after systemd reached its start limit."""
        self.run("systemctl", "reset-failed", unit)
        self.run("systemctl", "start", unit)

    def logs(self, since_s: float) -> str:
        """Returns the end of the journal."""
        options = ["--no-pager", "--output=short-precise", f"--lines={LOG_LINES}"]
        return self.run("journalctl", *options, f"--since=@{since_s:.3f}")

    def queue(self) -> str:
        """Returns Postfix' queue."""
        return self.run("postqueue", "-p")
