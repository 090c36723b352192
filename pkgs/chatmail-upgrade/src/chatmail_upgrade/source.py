"""The new system: built from a flake, or already in the store, and adapted to this machine."""

from pathlib import Path
from typing import Final

from chatmail_upgrade import process

# a Raspberry Pi that evaluates and downloads a whole system over a slow line
BUILD_DEADLINE_S: Final = 6 * 3600.0


class BuildError(RuntimeError):
    """The new system cannot be built; the text is the end of the build's output."""


def system_attribute(flake: str, host: str) -> str:
    """The installable of a machine's system; the default of `URI#NAME` is the host name."""
    uri, _, name = flake.partition("#")
    return f'{uri}#nixosConfigurations."{name or host}".config.system.build.toplevel'


def build_flake(flake: str, *, host: str, keep: Path) -> str:
    """Build the newest state of a flake; `keep` protects the result from garbage collection.

    Raises:
        BuildError: the flake cannot be downloaded, evaluated or built.
    """
    keep.parent.mkdir(parents=True, exist_ok=True)
    done = process.run(
        [
            "nix",
            "build",
            *("--extra-experimental-features", "nix-command flakes"),
            "--refresh",
            *("--out-link", str(keep)),
            "--print-out-paths",
            system_attribute(flake, host),
        ],
        deadline_s=BUILD_DEADLINE_S,
    )
    return _printed_path(done)


def existing_system(path: Path) -> str:
    """The store path of a system that is already built.

    Raises:
        BuildError: there is no system at this path.
    """
    system = path.resolve()
    if not (system / "bin" / "switch-to-configuration").exists():
        raise BuildError(f"{path} is not a NixOS system")
    return str(system)


def adapt(program: Path, system: str) -> str:
    """Let a program make this machine's system out of the one that was built.

    Raises:
        BuildError: the program failed.
    """
    return _printed_path(process.run([str(program), system], deadline_s=BUILD_DEADLINE_S))


def _printed_path(done: process.Result) -> str:
    words = done.output.split()
    if not done.ok or not words:
        raise BuildError(done.tail())
    return words[-1]
