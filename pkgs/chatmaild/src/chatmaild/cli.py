"""`chatmaild`: one sub-command for each service and each scheduled job."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from chatmaild import logs
from chatmaild.errors import ChatmaildError, SettingsError
from chatmaild.settings import DEFAULT_PATH, Settings

EXIT_FAILED = 1
# sysexits.h EX_CONFIG; the units have RestartPreventExitStatus=78
EXIT_SETTINGS = 78

VERSION = Path(__file__).with_name("VERSION").read_text().strip()

# what `chatmaild` and `chatmail` have in common
HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
settings_option = click.option(
    "--settings",
    "settings_path",
    type=click.Path(path_type=Path),
    default=DEFAULT_PATH,
    show_default=True,
    help="File with the facts of this relay.",
)


@click.group(context_settings=HELP_OPTIONS)
@settings_option
@click.version_option(VERSION, prog_name="chatmaild", message="%(prog)s %(version)s")
@click.pass_context
def group(context: click.Context, settings_path: Path) -> None:
    """The services of a chatmail relay beside Postfix, Dovecot and nginx."""
    context.obj = settings_path
    logs.set_up()


@group.command("check-settings")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.pass_obj
def check_settings(settings_path: Path, file: Path | None) -> None:
    """Say whether a settings file can be used."""
    settings = Settings.load(file or settings_path)
    click.echo(f"settings of {settings.domain} are good")


@group.command()
@click.pass_obj
def accounts(settings_path: Path) -> None:
    """Logins, recipients, metadata, push and the web end points."""
    from chatmaild import accounts as service

    service.run(Settings.load(settings_path))


@group.command("filter")
@click.pass_obj
def filter_(settings_path: Path) -> None:
    """The milter that decides which messages pass."""
    from chatmaild import filter as service

    service.run(Settings.load(settings_path))


@group.command()
@click.pass_obj
def transport(settings_path: Path) -> None:
    """Delivery over HTTPS, out and in."""
    from chatmaild import transport as service

    service.run(Settings.load(settings_path))


@group.command("dkim-keys")
@click.pass_obj
def dkim_keys(settings_path: Path) -> None:
    """Make the DKIM keys that are missing."""
    from chatmaild.dkim import keys

    keys.ensure_keys(Settings.load(settings_path))


@group.command()
@click.option("--dry-run", is_flag=True, help="Only count what would be deleted.")
@click.option("--verbose", "-v", is_flag=True, help="Tell about each directory that needs care.")
@click.pass_obj
def expire(settings_path: Path, dry_run: bool, verbose: bool) -> None:
    """Delete old messages, inactive addresses and what is over quota."""
    from chatmaild import expire as job

    click.echo(job.run(Settings.load(settings_path), dry_run=dry_run, verbose=verbose))


@group.command("quota-clean")
@click.argument("address")
@click.pass_obj
def quota_clean(settings_path: Path, address: str) -> None:
    """Delete the oldest messages of an address that is nearly full (Dovecot's quota warning)."""
    from chatmaild import expire as job
    from chatmaild.address import parse_address

    summary = job.clean_one(Settings.load(settings_path), parse_address(address))
    # run by Dovecot, standard output is a closed socket and standard error an error
    if sys.stdout.isatty():
        click.echo(summary)


@group.command("drain-postfix")
@click.argument("master", type=int, envvar="MAINPID", required=False)
def drain_postfix(master: int | None) -> None:
    """Stop Postfix when no message is on its way any more (systemd names its MASTER process)."""
    from chatmaild.transport.drain import drain

    if master is not None and not drain(master):
        click.echo("a message on its way is cut off: it took too long")


def run_group(command: click.Group) -> None:
    """Run a click group: an error is one line on stderr and an exit code."""
    sys.exit(exit_code(lambda: command(standalone_mode=False)))


def exit_code(call: Callable[[], object]) -> int:
    """What a call ends with: 0, 1 failed, 2 usage, 78 unusable settings."""
    try:
        result = call()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return _failed("nothing was done", EXIT_FAILED)
    except SettingsError as error:
        return _failed(str(error), EXIT_SETTINGS)
    except PermissionError as error:
        hint = "" if os.geteuid() == 0 else "; run this as root"
        return _failed(f"{error.filename}: {error.strerror}{hint}", EXIT_FAILED)
    except (ChatmaildError, OSError) as error:
        return _failed(str(error), EXIT_FAILED)
    return result if isinstance(result, int) else 0


def _failed(text: str, code: int) -> int:
    click.echo(f"error: {text}", err=True)
    return code


def main() -> None:
    """Entry point of `chatmaild`."""
    run_group(group)
