"""`chatmail address`."""

import sys
from pathlib import Path

import click

from chatmaild.cli import print_lines
from chatmaild.settings import Settings


@click.group()
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

    print_lines(work.show(settings, work.existing(settings, address)))


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
    print_lines([str(made.address), made.password])


@address.command()
@click.argument("address")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.pass_obj
def passwd(settings: Settings, address: str, password_stdin: bool) -> None:
    """Set a new password, end the sessions of the address, print the password."""
    from chatmaild.operator import addresses as work

    found = work.existing(settings, address)
    changed = work.set_password(settings, found, _password(password_stdin))
    print_lines([str(changed.address), changed.password])


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
