"""Where the new system comes from: a flake, or a system that is already in the store."""

from pathlib import Path

from chatmail_nixos import process
from chatmail_nixos.upgrade.machine import BUILD_DEADLINE_S, BuildError


def system_attribute(flake: str, host: str) -> str:
    """The installable of a machine's system: `URI#NAME`, NAME being the host's by default."""
    uri, _, name = flake.partition("#")
    return f'{uri}#nixosConfigurations."{name or host}".config.system.build.toplevel'


def build_flake(flake: str, *, host: str, keep: Path) -> str:
    """Build the newest state of a flake; `keep` protects the result from garbage collection.

    Raises:
        BuildError: it does not evaluate, cannot be downloaded or does not build.
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
    if not done.ok:
        raise BuildError(done.tail())
    return done.output.split()[-1]


def existing_system(path: Path) -> str:
    """A system that someone built before.

    Raises:
        BuildError: there is none at this path.
    """
    system = path.resolve()
    if not (system / "bin" / "switch-to-configuration").exists():
        raise BuildError(f"{path} is no NixOS system")
    return str(system)
