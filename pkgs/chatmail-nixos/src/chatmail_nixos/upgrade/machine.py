"""The machine that is upgraded: Nix, systemd and the health gate behind one small surface."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from chatmail_nixos import process
from chatmail_nixos.upgrade.decision import Health

# a Raspberry Pi that evaluates and downloads a whole system over a slow line
BUILD_DEADLINE_S = 6 * 3600.0
ACTIVATION_DEADLINE_S = 1200.0
GATE_DEADLINE_S = 180.0
# services may take this long from the switch to their first answer
SETTLE_DEADLINE_S = 90.0
SETTLE_PAUSE_S = 5.0


class BuildError(RuntimeError):
    """The new system cannot be built; the text is the end of the build's output."""


class ActivationError(RuntimeError):
    """A system could not be activated; the text is the end of the activation's output."""


class Machine(Protocol):
    """What an upgrade needs from a machine."""

    def running(self) -> str:
        """Store path of the running system."""

    def build(self) -> str:
        """Build the new system and give its store path, or raise `BuildError`."""

    def try_out(self, system: str) -> None:
        """Activate a system without making it the one that boots, or raise `ActivationError`."""

    def adopt(self, system: str) -> None:
        """Make the running system the one that boots, or raise `ActivationError`."""

    def health(self, *, settle_s: float = 0.0) -> Health:
        """Pass the health gate, or say why not once `settle_s` have passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NixMachine:
    """This machine."""

    builder: Callable[[], str]
    profile: Path
    gate_unit: str
    gate_report: Path
    running_system: Path = Path("/run/current-system")

    def running(self) -> str:
        """Store path of the running system."""
        return str(self.running_system.resolve())

    def build(self) -> str:
        """Build the new system and give its store path, or raise `BuildError`."""
        return self.builder()

    def try_out(self, system: str) -> None:
        """Activate a system without making it the one that boots, or raise `ActivationError`."""
        self._switch(system, "test")

    def adopt(self, system: str) -> None:
        """Make the running system the one that boots, or raise `ActivationError`."""
        before = self.profile.resolve()
        self._point_profile_at(system)
        try:
            self._switch(system, "boot")
        except ActivationError:
            if before.exists():
                self._point_profile_at(str(before))
            raise

    def health(self, *, settle_s: float = 0.0) -> Health:
        """Pass the health gate, or say why not once `settle_s` have passed."""
        deadline_s = time.monotonic() + settle_s
        while True:
            found = self._gate()
            if found.passed or time.monotonic() >= deadline_s:
                return found
            time.sleep(SETTLE_PAUSE_S)

    def _point_profile_at(self, system: str) -> None:
        done = process.run(
            ["nix-env", "--profile", str(self.profile), "--set", system],
            deadline_s=ACTIVATION_DEADLINE_S,
        )
        if not done.ok:
            raise ActivationError(done.tail())

    def _gate(self) -> Health:
        self.gate_report.unlink(missing_ok=True)
        done = process.run(["systemctl", "start", self.gate_unit], deadline_s=GATE_DEADLINE_S)
        try:
            found = Health.from_report(self.gate_report.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Health(failed={"gate": done.tail() or f"{self.gate_unit} left no report"})
        if found.passed and not done.ok:
            return Health(failed={"gate": done.tail()})
        return found

    def _switch(self, system: str, action: str) -> None:
        done = process.run(
            [f"{system}/bin/switch-to-configuration", action], deadline_s=ACTIVATION_DEADLINE_S
        )
        if not done.ok:
            raise ActivationError(f"exit status {done.status}: {done.tail()}")
