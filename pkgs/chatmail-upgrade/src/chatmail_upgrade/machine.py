"""The machine to upgrade: Nix, systemd and `chatmail selftest` behind five methods."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from chatmail_upgrade import process
from chatmail_upgrade.decision import Health, broken_by_upgrade
from chatmail_upgrade.system import PROFILE, RUNNING, set_profile, switch

# the unit stops the selftest after 3 minutes
SELFTEST_DEADLINE_S: Final = 180.0
RETRY_PAUSE_S: Final = 5.0


class ActivationError(RuntimeError):
    """A system could not be activated; the text is the end of the activation's output."""


class Machine(Protocol):
    """What an upgrade needs from a machine."""

    def running(self) -> str:
        """Store path of the running system."""

    def build(self) -> str:
        """Build the new system and return its store path, or raise `BuildError`."""

    def activate(self, system: str) -> None:
        """Activate a system until the next boot, or raise `ActivationError`."""

    def make_default(self, system: str) -> None:
        """Boot the running system from now on, or raise `ActivationError`."""

    def health(self, *, within_s: float = 0.0, before: Health | None = None) -> Health:
        """Run the selftest, again and again for `within_s` until no more fails than before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NixMachine:
    """This machine."""

    builder: Callable[[], str]
    profile: Path = PROFILE
    selftest_unit: str = "chatmail-selftest.service"
    selftest_report: Path = Path("/run/chatmail-selftest/report.json")
    running_system: Path = RUNNING

    def running(self) -> str:
        """Store path of the running system."""
        return str(self.running_system.resolve())

    def build(self) -> str:
        """Build the new system and return its store path, or raise `BuildError`."""
        return self.builder()

    def activate(self, system: str) -> None:
        """Activate a system until the next boot, or raise `ActivationError`."""
        _switch(system, "test")

    def make_default(self, system: str) -> None:
        """Boot the running system from now on, or raise `ActivationError`.

        The profile comes first, because the boot loader's menu is made from it.
        """
        before = self.profile.resolve()
        _set_profile(self.profile, system)
        try:
            _switch(system, "boot")
        except ActivationError:
            if before.exists():
                _set_profile(self.profile, str(before))
            raise

    def health(self, *, within_s: float = 0.0, before: Health | None = None) -> Health:
        """Run the selftest, again and again for `within_s` until no more fails than before."""
        deadline_s = time.monotonic() + within_s
        while True:
            found = self._selftest()
            broken = broken_by_upgrade(before or Health(), found)
            if not broken or time.monotonic() >= deadline_s:
                return found
            time.sleep(RETRY_PAUSE_S)

    def _selftest(self) -> Health:
        # an older report must not count
        self.selftest_report.unlink(missing_ok=True)
        start = ["systemctl", "start", self.selftest_unit]
        done = process.run(start, deadline_s=SELFTEST_DEADLINE_S)
        try:
            found = Health.from_report(self.selftest_report.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Health(failed={"gate": done.tail() or f"{self.selftest_unit} left no report"})
        if found.passed and not done.ok:
            return Health(failed={"gate": done.tail()})
        return found


def _switch(system: str, action: str) -> None:
    done = switch(system, action)
    if not done.ok:
        raise ActivationError(f"exit status {done.status}: {done.tail()}")


def _set_profile(profile: Path, system: str) -> None:
    done = set_profile(profile, system)
    if not done.ok:
        raise ActivationError(done.tail())
