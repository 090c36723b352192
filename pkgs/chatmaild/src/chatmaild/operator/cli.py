"""`chatmail`: the operator's command."""

from pathlib import Path

import click

from chatmaild.cli import (
    EXIT_FAILED,
    HELP_OPTIONS,
    VERSION,
    print_lines,
    run_group,
    settings_option,
)
from chatmaild.operator.cli_addresses import address
from chatmaild.operator.cli_registration import invite, registration
from chatmaild.settings import Settings


@click.group(context_settings=HELP_OPTIONS)
@settings_option
@click.version_option(VERSION, prog_name="chatmail", message="%(prog)s %(version)s")
@click.pass_context
def group(context: click.Context, settings_path: Path) -> None:
    """Run a chatmail relay: addresses, invites, DNS records, checks."""
    context.obj = Settings.load(settings_path)


@group.command()
@click.pass_obj
def status(settings: Settings) -> None:
    """Show the relay's state on one screen."""
    from chatmaild.operator import status as work

    print_lines(work.lines(settings))


@group.command("dns")
@click.option(
    "--check",
    is_flag=True,
    help="Compare with what the name servers publish; exits 1 if a required record is not right.",
)
@click.option("--plain", is_flag=True, help="Print name, type and value, separated by tabs.")
@click.pass_obj
def dns_command(settings: Settings, check: bool, plain: bool) -> int:
    """Print the DNS records to publish, as a zone file, or check them."""
    from chatmaild.operator import dns as work

    zone = work.records(settings)
    if not check:
        print_lines([work.plain_line(r) if plain else work.zone_line(r) for r in zone])
        return 0
    from chatmaild.operator.authority import find_authority

    findings = work.check(zone, find_authority(settings.domain).ask)
    print_lines([finding.line() for finding in findings])
    return EXIT_FAILED if any(f.state != "ok" and f.record.required for f in findings) else 0


@group.command()
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write the report to FILE, as JSON.",
)
@click.pass_obj
def selftest(settings: Settings, wants_json: bool, report: Path | None) -> int:
    """Send and fetch a test message, check certificate, DKIM, push and queue; exits 1 on a failure.

    Makes two addresses for it and deletes them afterwards.
    """
    from chatmaild.operator import selftest as work

    checks = work.run(settings)
    if report is not None:
        work.write(report, checks)
    print_lines([work.as_json(checks) if wants_json else work.as_text(checks)])
    return 0 if work.is_healthy(checks) else EXIT_FAILED


@group.command("log-mail")
@click.option("--for", "duration", metavar="TIME", default="1h", show_default=True, help="10m, 1h.")
@click.option("--off", is_flag=True, help="Switch off now, and delete what was logged.")
def log_mail(duration: str, off: bool) -> None:
    """Log every message and login for a while; restarts Postfix and Dovecot."""
    from chatmaild.operator import maillog as work

    if off:
        work.switch_off()
        return
    work.switch_on(work.seconds(duration))
    click.echo(f"mail logs are on for {duration}; read them with: {work.READ}")


group.add_command(registration)
group.add_command(invite)
group.add_command(address)


def main() -> None:
    """Entry point of `chatmail`."""
    run_group(group)
