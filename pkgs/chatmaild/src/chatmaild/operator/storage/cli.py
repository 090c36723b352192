"""`chatmail storage`."""

import click

from chatmaild.cli import print_lines
from chatmaild.settings import Settings


@click.group()
def storage() -> None:
    """Show in which format mailboxes are stored, and convert them."""


@storage.command()
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(settings: Settings, wants_json: bool) -> int:
    """Show how many mailboxes wait for their conversion; exits 1 if some failed."""
    from chatmaild.operator.storage import command

    found = command.look(settings)
    print_lines([found.json()] if wants_json else found.lines())
    return int(bool(found.failed))


@storage.command()
@click.argument("wanted", metavar="FORMAT", type=click.Choice(["sdbox", "maildir"]))
@click.pass_obj
def convert(settings: Settings, wanted: str) -> int:
    """Convert all mailboxes to FORMAT, while the relay runs; exits 1 if some failed.

    Versions before 0.4 read maildir only: convert to it before you go back to one of them, and to
    sdbox when you upgrade again. Each mailbox is out of use for less than a second. Ctrl-C stops
    the display, not the conversion.
    """
    from chatmaild.operator.storage import command

    command.convert(settings, wanted, say=click.echo)
    found = command.look(settings)
    print_lines(found.lines())
    return int(bool(found.failed))
