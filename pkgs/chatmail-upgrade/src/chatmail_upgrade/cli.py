"""The command `chatmail-upgrade`; the unit of the same name runs it."""

import logging
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from chatmail_upgrade.history import STATE_DIRECTORY, History
from chatmail_upgrade.machine import ActivationError, NixMachine
from chatmail_upgrade.run import START_DEADLINE_S, recover, upgrade
from chatmail_upgrade.source import BuildError, adapt, build_flake, existing_system

VERSION = Path(__file__).with_name("VERSION").read_text().strip()
_PATH = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="chatmail-upgrade", message="%(prog)s %(version)s")
def main() -> None:
    """Upgrade a chatmail relay, and keep the new system only if mail still works.

    Reports are in /var/lib/chatmail-upgrade.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")


@main.command("run")
@click.option(
    "--flake", metavar="URI[#NAME]", help="Build this flake; the default of NAME is the host name."
)
@click.option(
    "--candidate", type=_PATH, metavar="SYSTEM", help="Use a system that is already built."
)
@click.option(
    "--adapt",
    "adapter",
    type=_PATH,
    metavar="PROGRAM",
    help="Pass the system to PROGRAM, and activate the one that it prints.",
)
def run_command(flake: str | None, candidate: Path | None, adapter: Path | None) -> None:
    """Upgrade this machine; exits 1 if the new system does not stay.

    Builds the system, activates it, and runs `chatmail selftest`. If a check fails that passed
    before, the previous system is activated again; otherwise the new one is booted from now on.
    """
    if (flake is None) == (candidate is None):
        raise click.UsageError("give either --flake or --candidate")
    machine = NixMachine(builder=lambda: _build(flake, candidate, adapter))
    report = upgrade(machine, History(), now=datetime.now(UTC), start_s=START_DEADLINE_S)
    click.echo(report.sentence(), err=not report.outcome.success)
    sys.exit(0 if report.outcome.success else 1)


def _build(flake: str | None, candidate: Path | None, adapter: Path | None) -> str:
    if candidate is not None:
        system = existing_system(candidate)
    elif flake is not None:
        keep = STATE_DIRECTORY / "candidate"
        system = build_flake(flake, host=socket.gethostname(), keep=keep)
    else:
        raise BuildError("neither --flake nor --candidate was given")
    return system if adapter is None else adapt(adapter, system)


@main.command("recover")
def recover_command() -> None:
    """Return to the previous system after an interrupted upgrade."""
    machine = NixMachine(builder=lambda: _build(None, None, None))
    try:
        returned = recover(machine, History())
    except ActivationError as error:
        raise click.ClickException(str(error)) from error
    if returned:
        click.echo("an upgrade was interrupted; the previous system runs again")
