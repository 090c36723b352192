"""A running relay or classic server, as tests see it."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from chatmail_lab.container import Container
from chatmail_lab.errors import LabError
from chatmail_lab.render.files import File
from chatmail_lab.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A booted host of a running lab."""

    container: Container
    tree: Tree

    @property
    def domain(self) -> str:
        """Its mail domain."""
        return self.container.host.name

    @property
    def address(self) -> str:
        """Its IPv4 address."""
        return self.container.host.ipv4

    @property
    def address6(self) -> str:
        """Its IPv6 address."""
        return self.container.host.ipv6

    def exec(
        self,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        timeout_s: float = 60,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end.

        Raises:
            LabError: its exit code is not 0 and `check` is set.
            subprocess.TimeoutExpired: it takes too long.
        """
        done = self.container.exec(command, stdin=stdin, timeout_s=timeout_s)
        if check and done.returncode != 0:
            said = "\n".join((done.stderr + done.stdout).strip().splitlines()[-15:])
            line = " ".join(command)
            raise LabError(f"{self.domain}: {line}: exit code {done.returncode}\n{said}")
        return done

    def systemctl(self, *arguments: str) -> None:
        """Run systemctl, with time for units that drain."""
        self.exec(["systemctl", *arguments], timeout_s=120)

    def is_active(self, unit: str) -> bool:
        """Whether a unit runs."""
        return self.exec(["systemctl", "is-active", "--quiet", unit], check=False).returncode == 0

    def logs(self, unit: str | None = None, *, lines: int = 200) -> str:
        """The end of the journal, of one unit or of all."""
        which = [] if unit is None else ["--unit", unit]
        command = ["journalctl", "--no-pager", "-o", "short-monotonic", "-n", str(lines), *which]
        return self.exec(command).stdout

    def read_file(self, path: str) -> str:
        """Content of a text file; also below /run.

        Raises:
            LabError: it cannot be read.
        """
        return self.exec(["cat", path]).stdout

    def write_file(self, path: str, content: str, *, mode: int = 0o644) -> None:
        """Make or replace a file of root's on the disk (not below /run or /tmp)."""
        self.tree.write(File(path=path, content=content.encode(), mode=mode))
