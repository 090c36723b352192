"""The steps of the installation; each can be repeated."""

import os
import shlex
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from chatmail_install.flake import NAME, quoted
from chatmail_install.machine import InspectError, Machine
from chatmail_install.programs import NIX, ProgramError, Ssh, run, run_in_terminal

INSPECT_DEADLINE_S = 60.0
LOCK_DEADLINE_S = 600.0
# downloads the closure; the build for another processor is emulated
BUILD_DEADLINE_S = 4 * 3600.0
REMOTE_DEADLINE_S = 300.0
AUTHOR = ("-c", "user.name=chatmail-install", "-c", "user.email=chatmail-install@localhost")


class StepError(RuntimeError):
    """A step failed; the text says what to do."""


def inspect(ssh: Ssh, mail_server: str) -> Machine:
    """Inspect the machine, without changing anything.

    Raises:
        StepError: the machine cannot be reached, or its answer cannot be parsed.
    """
    script = resources.files("chatmail_install").joinpath("inspect.sh").read_text(encoding="utf-8")
    command = ssh.command("sh", "-s", "--", shlex.quote(mail_server), "||", "true")
    try:
        return Machine.parse(run(command, deadline_s=INSPECT_DEADLINE_S, given=script))
    except (InspectError, ProgramError) as error:
        raise StepError(f"{ssh.target} cannot be inspected: {error}") from error


def conflicts(directory: Path, files: Mapping[str, str]) -> tuple[str, ...]:
    """Files that exist with another content."""
    return tuple(
        name
        for name, content in files.items()
        if (directory / name).exists() and (directory / name).read_text("utf-8") != content
    )


def write(directory: Path, files: Mapping[str, str]) -> None:
    """Write the flake, lock its inputs and commit it; equal files stay.

    Raises:
        StepError: a file exists with another content.
        ProgramError: git or nix failed.
    """
    if there := conflicts(directory, files):
        raise StepError(
            f"{', '.join(there)} in {directory} would be overwritten: move it away, or give "
            "another --directory"
        )
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_text(content, encoding="utf-8")
    if not (directory / ".git").exists():
        _git(directory, "init", "--quiet")
    # Nix sees only the files that git tracks
    _git(directory, "add", "--", *files)
    lock(directory)
    _git(directory, "add", "--", "flake.lock")
    if _git(directory, "status", "--porcelain", "--", *files, "flake.lock"):
        _git(directory, *_author(directory), "commit", "--quiet", "-m", "The relay as installed")


def lock(directory: Path) -> None:
    """Write `flake.lock`, unless it exists."""
    run([*NIX, "flake", "lock", str(directory)], deadline_s=LOCK_DEADLINE_S)


def _git(directory: Path, *words: str) -> str:
    return run(["git", "-C", str(directory), *words], deadline_s=60)


def _author(directory: Path) -> tuple[str, ...]:
    try:
        _git(directory, "config", "user.email")
    except ProgramError:
        return AUTHOR
    return ()


def builds_here(system: str) -> bool:
    """Whether this computer can build for the processor."""
    here = run([*NIX, "config", "show", "system"], deadline_s=60).strip()
    more = run([*NIX, "config", "show", "extra-platforms"], deadline_s=60).split()
    return system in (here, *more)


def build(directory: Path) -> tuple[str, str]:
    """Build disko's script and the system; returns their store paths.

    Raises:
        ProgramError: nix or disko failed.
    """
    system = f"{directory}#nixosConfigurations.{NAME}.config.system.build.toplevel"
    build_system = [*NIX, "build", "--no-link", "--print-out-paths", system]
    made = run(build_system, deadline_s=BUILD_DEADLINE_S).split()[-1]
    source = f"(builtins.getFlake {quoted(str(directory))}).inputs.nixpkgs.outPath"
    nixpkgs = run(
        [*NIX, "eval", "--impure", "--raw", "--expr", source], deadline_s=LOCK_DEADLINE_S
    ).strip()
    script = run(
        ["disko", "--mode", "disko", "--dry-run", str(directory / "disk.nix")],
        deadline_s=BUILD_DEADLINE_S,
        variables={**os.environ, "NIX_PATH": f"nixpkgs={nixpkgs}"},
    )
    return script.split()[-1], made


def install(ssh: Ssh, script: str, system: str) -> None:
    """Erase the disk and install. The machine keeps its ssh host keys.

    Raises:
        StepError: the machine may run the installer, or be half installed.
    """
    identity = [] if ssh.identity is None else ["-i", str(ssh.identity)]
    command = [
        *("nixos-anywhere", "--copy-host-keys", "--ssh-port", str(ssh.port), *identity),
        *("--store-paths", script, system, "--target-host", ssh.target),
    ]
    if run_in_terminal(command) != 0:
        raise StepError(
            "nixos-anywhere failed; its last lines say why. Run the same command again: it goes on "
            "from the installer, if that runs already"
        )


def host_name(ssh: Ssh) -> str:
    """The host that ssh connects to; the target may be an alias of ~/.ssh/config."""
    for line in run(["ssh", "-G", ssh.target], deadline_s=10).splitlines():
        if line.startswith("hostname "):
            return line.removeprefix("hostname ")
    return ssh.host


def relay(ssh: Ssh, *words: str) -> str:
    """Run `chatmail ...` on the relay.

    Raises:
        ProgramError: the command failed.
    """
    return run(ssh.command("chatmail", *words), deadline_s=REMOTE_DEADLINE_S)
