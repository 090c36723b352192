"""A running relay or classic server, as tests use it."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from chatmail_lab.errors import LabError
from chatmail_lab.host.container import Container
from chatmail_lab.host.rootfs import Rootfs
from chatmail_lab.render.files import text_file


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningHost:
    """A booted host of a running lab."""

    container: Container
    rootfs: Rootfs

    @property
    def domain(self) -> str:
        """Its mail domain."""
        return self.container.host.name

    @property
    def ipv4(self) -> str:
        """Its IPv4 address."""
        return self.container.host.ipv4

    @property
    def ipv6(self) -> str:
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
            LabError: Its exit code is not 0 and `check` is set.
            subprocess.TimeoutExpired: It takes too long.
        """
        done = self.container.exec(command, stdin=stdin, timeout_s=timeout_s)
        if check and done.returncode != 0:
            end = "\n".join((done.stderr + done.stdout).strip().splitlines()[-15:])
            line = " ".join(command)
            raise LabError(f"{self.domain}: {line}: exit code {done.returncode}\n{end}")
        return done

    def systemctl(self, *arguments: str) -> None:
        """Run systemctl; 120 s, because units may drain their work before they stop."""
        self.exec(["systemctl", *arguments], timeout_s=120)

    def is_active(self, unit: str) -> bool:
        """Return whether a unit runs."""
        return self.exec(["systemctl", "is-active", "--quiet", unit], check=False).returncode == 0

    def logs(self, unit: str | None = None, *, lines: int = 200) -> str:
        """Return the end of the journal, of one unit or of all."""
        which = [] if unit is None else ["--unit", unit]
        command = ["journalctl", "--no-pager", "-o", "short-monotonic", "-n", str(lines), *which]
        return self.exec(command).stdout

    def read_file(self, path: str) -> str:
        """Return the content of a text file; /run and /tmp included.

        Raises:
            LabError: It cannot be read.
        """
        return self.exec(["cat", path]).stdout

    def write_file(self, path: str, content: str, *, mode: int = 0o644) -> None:
        """Make or replace a file of root's; not below /run or /tmp, which are mounts."""
        self.rootfs.write(text_file(path, content, mode=mode))
