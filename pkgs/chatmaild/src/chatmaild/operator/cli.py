"""`chatmail`: the operator's command."""

from functools import partial
from pathlib import Path

import click

from chatmaild.cli import (
    HELP_OPTIONS,
    VERSION,
    print_lines,
    run_group,
    settings_option,
)
from chatmaild.operator.backup.cli import backup
from chatmaild.operator.cli_addresses import address
from chatmaild.operator.cli_exchange import export, import_
from chatmaild.operator.cli_registration import invite, registration
from chatmaild.operator.cluster.forwarding import (
    Root,
    not_in_clusters,
    on_all_stores,
    on_fronts_only,
    on_one_store,
    on_stores_only,
    on_the_store_of_its_address,
    on_the_store_of_its_token,
)
from chatmaild.operator.decisions.cli_domains import domains
from chatmaild.operator.decisions.cli_notice import notice
from chatmaild.operator.mailqueue.cli import queue
from chatmaild.operator.move.cli import move, only_if_open, receive
from chatmaild.operator.storage.cli import storage
from chatmaild.settings import Settings


@click.group(cls=Root, context_settings=HELP_OPTIONS)
@settings_option
@click.version_option(VERSION, prog_name="chatmail", message="%(prog)s %(version)s")
@click.pass_context
def group(context: click.Context, settings_path: Path) -> None:
    """Run a chatmail relay: addresses, invites, domains, DNS records, queue, checks."""
    context.obj = Settings.load(settings_path)


@group.command()
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@click.option("--watch", is_flag=True, help="Show it again every 2 seconds, until Ctrl-C.")
@click.pass_obj
def status(settings: Settings, wants_json: bool, watch: bool) -> int:
    """Show the relay's state on one screen; exits 1 if something needs attention."""
    from chatmaild.operator.status import command

    return command.run(settings, wants_json=wants_json, watch=watch)


@group.command("dns")
@click.option(
    "--check",
    is_flag=True,
    help="Check the published records as others do; exits 1 if a required record is wrong.",
)
@click.option("--watch", is_flag=True, help="Check again every 10 s until no fault is left.")
@click.option("--json", "wants_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--plain", is_flag=True, help="Print name, type and value, separated by tabs.")
@click.pass_obj
def dns_command(settings: Settings, check: bool, watch: bool, wants_json: bool, plain: bool) -> int:
    """Print the DNS records to publish, as a zone file, or check them."""
    from chatmaild.operator import dns as work
    from chatmaild.operator.dnscheck import report

    zone = work.records(settings)
    if not (check or watch or wants_json):
        print_lines(work.printed(settings, zone, plain=plain))
        return 0
    if not zone:
        click.echo("a relay at an IP address needs no DNS records")
        return 0
    look = partial(report.look, settings, zone)
    return report.run(look, settings.domain, wants_json=wants_json, watches=watch)


@group.command()
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@click.option(
    "--only", multiple=True, metavar="NAME", help="Run this check alone; may be repeated."
)
@click.option(
    "--ready-to-be-listed",
    "listing",
    is_flag=True,
    help="Also check what public lists of relays and their probers test.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write the report to FILE, as JSON.",
)
@click.pass_obj
def selftest(
    settings: Settings, wants_json: bool, only: tuple[str, ...], listing: bool, report: Path | None
) -> int:
    """Test mail in and out, push, calls, DNS and certificate; exits 1 if a check fails.

    Takes less than 20 s. Creates two addresses, and deletes them afterwards. Stores the last whole
    report in /var/lib/chatmail/selftest.json; `chatmail status` shows its failed checks.
    """
    from chatmaild.operator.selftest import command

    return command.run(settings, wants_json=wants_json, only=only, listing=listing, report=report)


@group.command("log-mail")
@click.option("--for", "duration", metavar="TIME", default="1h", show_default=True, help="10m, 1h.")
@click.option("--off", is_flag=True, help="Switch off now, and delete the log.")
@click.pass_obj
def log_mail(settings: Settings, duration: str, off: bool) -> None:
    """Log every message and login for a while; restarts Postfix and Dovecot."""
    from chatmaild.operator import maillog as work

    units = work.units_of(settings)
    if off:
        work.switch_off(units=units)
        return
    work.switch_on(work.seconds(duration), units=units)
    click.echo(f"mail logs are on for {duration}; read them with: {work.READ}")


@group.command()
@click.option("--status", "only_status", is_flag=True, help="Show how far it is; start nothing.")
@click.option("--no-wait", "at_once", is_flag=True, help="Return when it has started.")
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def rebalance(settings: Settings, only_status: bool, at_once: bool, wants_json: bool) -> int:
    """Move addresses to the stores where they belong; exits 1 if some could not be moved.

    On a front all stores do so, on a store this one. Ctrl-C stops the display, not the moves.
    """
    from chatmaild.operator.rebalance import command

    if only_status:
        return command.show(settings, wants_json=wants_json, say=click.echo)
    command.start(settings)
    return 0 if at_once else command.wait(settings, wants_json=wants_json, say=click.echo)


group.add_command(registration)
group.add_command(invite)
group.add_command(address)
group.add_command(queue)
group.add_command(backup)
group.add_command(import_)
group.add_command(export)
group.add_command(domains)
group.add_command(notice)
group.add_command(move)
group.add_command(receive)
group.add_command(storage)

only_if_open(address, "create", "delete", "disable", "enable", "import", "passwd")
only_if_open(registration, "open", "close")
only_if_open(invite, "create", "revoke")
only_if_open(domains, "block", "only", "remove")
only_if_open(notice, "set", "clear")
only_if_open(backup, "restore")
only_if_open(group, "import")
only_if_open(storage, "convert")

# on the machines of a cluster
on_the_store_of_its_address(address, "create", "delete", "disable", "enable", "passwd", "show")
on_all_stores(address, "list")
on_all_stores(registration, "close", "open", "status")
on_all_stores(invite, "list")
on_one_store(invite, "create")
on_the_store_of_its_token(invite, "revoke")
on_stores_only(address, "export", "import")
on_stores_only(group, "export", "import")
on_stores_only(notice, *notice.commands)
on_stores_only(storage, *storage.commands)
on_fronts_only(group, "dns")
on_fronts_only(queue, *queue.commands)
on_fronts_only(domains, *domains.commands)
not_in_clusters(
    group,
    "move",
    front="a front has nothing to move: add another one (docs/scale.md), then remove this one",
    store='a store is drained: set its state to "draining" on all machines, then chatmail rebalance'
    " (docs/scale.md)",
)
for _name in receive.commands:
    not_in_clusters(
        receive,
        _name,
        front="the relay that moves becomes a store: move it to one machine first (docs/scale.md)",
        store="the relay that moves is one machine, and this one is a part of several",
    )


def main() -> None:
    """Entry point of `chatmail`."""
    run_group(group)
