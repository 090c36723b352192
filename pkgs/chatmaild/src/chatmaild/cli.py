"""`chatmaild`: a subcommand for each service and each scheduled job."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from chatmaild import exits, logs, services
from chatmaild.exits import EXIT_FAILED as EXIT_FAILED
from chatmaild.services import VERSION as VERSION
from chatmaild.settings import DEFAULT_PATH, Settings

# shared by `chatmaild` and `chatmail`
HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
settings_option = click.option(
    "--settings",
    "settings_path",
    type=click.Path(path_type=Path),
    default=DEFAULT_PATH,
    # of commands that a service starts
    envvar="CHATMAIL_SETTINGS",
    show_default=True,
    help="Settings of this relay.",
)


@click.group(context_settings=HELP_OPTIONS)
@settings_option
@click.version_option(VERSION, prog_name="chatmaild", message="%(prog)s %(version)s")
@click.pass_context
def group(context: click.Context, settings_path: Path) -> None:
    """Run a service of a chatmail relay; systemd units call this."""
    context.obj = settings_path
    logs.set_up()


@group.command("check-settings")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.pass_obj
def check_settings(settings_path: Path, file: Path | None) -> None:
    """Check a settings file; exits 78 if it cannot be used."""
    settings = Settings.load(file or settings_path)
    click.echo(f"settings of {settings.domain} are good")


@group.command()
@click.pass_obj
def accounts(settings_path: Path) -> None:
    """Serve logins, recipient look-ups, METADATA, push, /new and /account/delete."""
    services.run("accounts", settings_path)


@group.command()
@click.pass_obj
def directory(settings_path: Path) -> None:
    """Serve the same on a front, from the stores that have the accounts."""
    services.run("directory", settings_path)


@group.command("filter")
@click.pass_obj
def filter_(settings_path: Path) -> None:
    """Serve the milter that applies the mail rules and signs with DKIM."""
    services.run("filter", settings_path)


@group.command()
@click.pass_obj
def transport(settings_path: Path) -> None:
    """Serve delivery over HTTPS, outbound and inbound."""
    services.run("transport", settings_path)


@group.command()
@click.pass_obj
def rebalance(settings_path: Path) -> None:
    """Take accounts from other stores of a cluster, and move those that belong there."""
    services.run("rebalance", settings_path)


@group.command()
@click.pass_obj
def metrics(settings_path: Path) -> None:
    """Serve the numbers of all services to Prometheus."""
    services.run("metrics", settings_path)


@group.command("count-addresses")
@click.pass_obj
def count_addresses(settings_path: Path) -> None:
    """Count addresses by kind and last login, for Prometheus."""
    from chatmaild import monitor

    monitor.count_addresses(Settings.load(settings_path))


@group.command("count-queue")
@click.argument("postqueue", default="postqueue")
@click.pass_obj
def count_queue(settings_path: Path, postqueue: str) -> None:
    """Count the messages in Postfix' queues, for Prometheus; POSTQUEUE is its program."""
    from chatmaild import monitor

    monitor.count_queue(Settings.load(settings_path), postqueue)


@group.command("dkim-keys")
@click.pass_obj
def dkim_keys(settings_path: Path) -> None:
    """Create missing DKIM keys."""
    from chatmaild.dkim import keys

    keys.ensure_keys(Settings.load(settings_path))


@group.command()
@click.option("--dry-run", is_flag=True, help="Count only, delete nothing.")
@click.option("--verbose", "-v", is_flag=True, help="List directories that need an operator.")
@click.pass_obj
def expire(settings_path: Path, dry_run: bool, verbose: bool) -> None:
    """Delete old messages, inactive addresses, and messages over quota."""
    from chatmaild import expire as job

    click.echo(job.run(Settings.load(settings_path), dry_run=dry_run, verbose=verbose))


@group.command("quota-clean")
@click.argument("address")
@click.pass_obj
def quota_clean(settings_path: Path, address: str) -> None:
    """Delete the oldest messages of a mailbox that is nearly full (Dovecot's quota warning)."""
    from chatmaild import expire as job
    from chatmaild.address import parse_address

    summary = job.clean_one(Settings.load(settings_path), parse_address(address))
    # run by Dovecot, standard output is a closed socket and standard error an error
    if sys.stdout.isatty():
        click.echo(summary)


@group.command("convert-storage")
@click.argument("doveadm")
@click.argument("configuration")
@click.pass_obj
def convert_storage(settings_path: Path, doveadm: str, configuration: str) -> None:
    """Convert all mailboxes to the chosen format; DOVEADM reads the file CONFIGURATION."""
    from chatmaild.conversion import service

    service.run(Settings.load(settings_path), doveadm, configuration)


@group.command("media-peers")
@click.pass_obj
def media_peers(settings_path: Path) -> None:
    """Print the IP addresses that coturn must not send to; reads `ip -json address`."""
    from chatmaild.transport.media_peers import denied, own_addresses

    own = own_addresses(sys.stdin.read())
    networks = Settings.load(settings_path).network.private_networks
    click.echo("\n".join(denied(networks, own)))


@group.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def forward(settings_path: Path, file: Path) -> None:
    """Pass connections of mail clients on to the machine whose IP addresses are in FILE."""
    from chatmaild.net import forward as service

    service.run(Settings.load(settings_path), file)


@group.command("drain-postfix")
@click.argument("master", type=int, envvar="MAINPID", required=False)
def drain_postfix(master: int | None) -> None:
    """Stop Postfix after its transactions have ended; MASTER is its main process."""
    from chatmaild.transport.drain import drain

    if master is not None and not drain(master):
        click.echo("Postfix was stopped in the middle of a transaction: it took too long")


def print_lines(lines: Iterable[str]) -> None:
    """Print lines to standard output."""
    for line in lines:
        click.echo(line)


def run_group(command: click.Group) -> None:
    """Run a click group; an error becomes one line on stderr and an exit code."""
    sys.exit(exit_code(lambda: command(standalone_mode=False)))


def exit_code(call: Callable[[], object]) -> int:
    """Call, and return the exit code: 0, 1 failed, 2 usage, 78 unusable settings."""
    return exits.exit_code(lambda: _usage_checked(call))


def _usage_checked(call: Callable[[], object]) -> object:
    try:
        return call()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return exits.failed("nothing was done")


def main() -> None:
    """Entry point of `chatmaild`."""
    run_group(group)
