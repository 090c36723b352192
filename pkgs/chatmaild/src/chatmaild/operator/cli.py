"""`chatmail`: the operator's command."""

import sys
from pathlib import Path

import click

from chatmaild.cli import EXIT_FAILED, HELP_OPTIONS, VERSION, run_group, settings_option
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

    _print(work.lines(settings))


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
        _print([work.plain_line(r) if plain else work.zone_line(r) for r in zone])
        return 0
    from chatmaild.operator.authority import find_authority

    findings = work.check(zone, find_authority(settings.domain).ask)
    _print([finding.line() for finding in findings])
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
    _print([work.as_json(checks) if wants_json else work.as_text(checks)])
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


@group.group()
def registration() -> None:
    """Open or close the relay for new addresses."""


@registration.command("open")
@click.pass_obj
def open_(settings: Settings) -> None:
    """Let everybody create an address."""
    from chatmaild.operator import registration as work

    work.set_open(settings, is_open=True)
    _print(work.status(settings))


@registration.command()
@click.pass_obj
def close(settings: Settings) -> None:
    """Require an invite for a new address."""
    from chatmaild.operator import registration as work

    work.set_open(settings, is_open=False)
    _print(work.status(settings))


@registration.command("status")
@click.pass_obj
def registration_status(settings: Settings) -> None:
    """Show whether new addresses are created, and what prevents it."""
    from chatmaild.operator import registration as work

    _print(work.status(settings))


@group.group()
def invite() -> None:
    """Manage invites: links that create addresses while registration is closed."""


@invite.command("create")
@click.option(
    "--uses",
    type=click.IntRange(1, 100000),
    metavar="N",
    default=1,
    show_default=True,
    help="Number of addresses that the invite creates.",
)
@click.option(
    "--expires",
    "lifetime",
    metavar="LIFETIME",
    help="Lifetime, such as 12h, 7d or 2w.  [default: no end]",
)
@click.option("--qr", is_flag=True, help="Also draw the QR code in the terminal.")
@click.pass_obj
def create_invite(settings: Settings, uses: int, lifetime: str | None, qr: bool) -> None:
    """Create an invite and print its link for Delta Chat."""
    from chatmaild.accounts.credentials import invite_link
    from chatmaild.operator import registration as work

    link = invite_link(settings, work.create_invite(settings, uses=uses, lifetime=lifetime).token)
    click.echo(link)
    if qr:
        import segno

        segno.make(link, error="m").terminal(compact=True)


@invite.command("list")
@click.pass_obj
def list_invites(settings: Settings) -> None:
    """List invites: link, uses left, end."""
    from chatmaild.operator import registration as work

    _print(work.list_invites(settings))


@invite.command()
@click.argument("token")
@click.pass_obj
def revoke(settings: Settings, token: str) -> None:
    """Revoke an invite, given by its token or its link."""
    from chatmaild.operator import registration as work

    work.revoke_invite(settings, token)
    click.echo("revoked")


@group.group()
def address() -> None:
    """List, create, disable and delete addresses.

    Put -- before an address that begins with a hyphen.
    """


@address.command("list")
@click.option("--disabled", is_flag=True, help="List disabled addresses only.")
@click.pass_obj
def list_addresses(settings: Settings, disabled: bool) -> None:
    """List addresses with the day of their last login."""
    from chatmaild.operator import addresses as work

    for line in work.listing(settings, disabled_only=disabled):
        click.echo(line)


@address.command()
@click.argument("address")
@click.pass_obj
def show(settings: Settings, address: str) -> None:
    """Show last login, state, messages and devices of an address."""
    from chatmaild.operator import addresses as work

    _print(work.show(settings, work.existing(settings, address)))


@address.command()
@click.argument("address")
@click.pass_obj
def disable(settings: Settings, address: str) -> None:
    """Disable an address: it neither sends nor receives, but can read its mail."""
    from chatmaild.operator import addresses as work

    found = work.existing(settings, address)
    work.set_disabled(settings, found, disabled=True)
    click.echo(f"disabled {found}")


@address.command()
@click.argument("address")
@click.pass_obj
def enable(settings: Settings, address: str) -> None:
    """Enable a disabled address."""
    from chatmaild.operator import addresses as work

    found = work.existing(settings, address)
    work.set_disabled(settings, found, disabled=False)
    click.echo(f"enabled {found}")


@address.command()
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.pass_obj
def delete(settings: Settings, address: str, yes: bool) -> None:
    """Delete an address and all its mail, and end its sessions."""
    from chatmaild.operator import addresses as work

    found = work.existing(settings, address)
    if not yes:
        click.confirm(f"Delete {found} and all its mail?", abort=True)
    work.delete(settings, found)
    click.echo(f"deleted {found}")


@address.command()
@click.argument("address", required=False)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.pass_obj
def create(settings: Settings, address: str | None, password_stdin: bool) -> None:
    """Create an address, also while registration is closed; print it with its password."""
    from chatmaild.operator import addresses as work

    made = work.create(settings, address, _password(password_stdin))
    _print([str(made.address), made.password])


@address.command()
@click.argument("address")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.pass_obj
def passwd(settings: Settings, address: str, password_stdin: bool) -> None:
    """Set a new password, end the sessions of the address, print the password."""
    from chatmaild.operator import addresses as work

    found = work.existing(settings, address)
    changed = work.set_password(settings, found, _password(password_stdin))
    _print([str(changed.address), changed.password])


@address.command("import")
@click.argument("directory", type=click.Path(path_type=Path))
@click.pass_obj
def import_(settings: Settings, directory: Path) -> None:
    """Copy mailboxes and passwords from another chatmail server.

    DIRECTORY is its mail directory, such as /home/vmail/mail/DOMAIN; it stays unchanged.
    """
    from chatmaild.operator import migration as work

    result = work.Imported()
    found = work.candidates(directory)
    with click.progressbar(length=len(found), label="importing", file=sys.stderr) as bar:
        for _ in work.run(settings, found, result):
            bar.update(1)
    click.echo(result.summary())


def _password(from_stdin: bool) -> str | None:
    return sys.stdin.readline().rstrip("\n") if from_stdin else None


def _print(lines: list[str]) -> None:
    for line in lines:
        click.echo(line)


def main() -> None:
    """Entry point of `chatmail`."""
    run_group(group)
