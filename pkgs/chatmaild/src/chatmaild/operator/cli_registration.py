"""`chatmail registration` and `chatmail invite`."""

import click

from chatmaild.cli import print_lines
from chatmaild.settings import Settings


@click.group()
def registration() -> None:
    """Open or close the relay for new addresses."""


@registration.command("open")
@click.pass_obj
def open_(settings: Settings) -> None:
    """Let everybody create an address."""
    from chatmaild.operator import registration as work

    work.set_open(settings, is_open=True)
    print_lines(work.status(settings))


@registration.command()
@click.pass_obj
def close(settings: Settings) -> None:
    """Require an invite for a new address."""
    from chatmaild.operator import registration as work

    work.set_open(settings, is_open=False)
    print_lines(work.status(settings))


@registration.command("status")
@click.pass_obj
def registration_status(settings: Settings) -> None:
    """Show whether new addresses are created, and what prevents it."""
    from chatmaild.operator import registration as work

    print_lines(work.status(settings))


@click.group()
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

    print_lines(work.list_invites(settings))


@invite.command()
@click.argument("token")
@click.pass_obj
def revoke(settings: Settings, token: str) -> None:
    """Revoke an invite, given by its token or its link."""
    from chatmaild.operator import registration as work

    work.revoke_invite(settings, token)
    click.echo("revoked")
