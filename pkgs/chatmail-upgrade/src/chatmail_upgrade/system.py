"""NixOS systems: which one runs, activation, and the default for the next boot."""

from pathlib import Path
from typing import Final

from chatmail_upgrade import process

RUNNING: Final = Path("/run/current-system")
# the boot loader's menu is made from this profile
PROFILE: Final = Path("/nix/var/nix/profiles/system")
# a Raspberry Pi starts its services in minutes
DEADLINE_S: Final = 1200.0


def switch(system: str, action: str) -> process.Result:
    """Activate a system: `test` now, `boot` at the next boot, `switch` both."""
    return process.run([f"{system}/bin/switch-to-configuration", action], deadline_s=DEADLINE_S)


def set_profile(profile: Path, system: str) -> process.Result:
    """Add a system to the profile as its newest generation."""
    command = ["nix-env", "--profile", str(profile), "--set", system]
    return process.run(command, deadline_s=DEADLINE_S)
