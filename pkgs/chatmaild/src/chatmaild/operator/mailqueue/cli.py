"""`chatmail queue`."""

import json
import time
from pathlib import Path

import click

from chatmaild.cli import print_lines
from chatmaild.settings import Settings


@click.group(invoke_without_command=True)
@click.pass_context
def queue(context: click.Context) -> None:
    """Show and change the queue of mail for other servers."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@queue.command("list")
@click.argument("domain", required=False)
@click.option(
    "--messages", "each", is_flag=True, help="Also list each message, with hashed addresses."
)
@click.option("--addresses", is_flag=True, help="Also list each message, with full addresses.")
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(
    settings: Settings,
    domain: str | None = None,
    each: bool = False,
    addresses: bool = False,
    wants_json: bool = False,
) -> None:
    """List domains: messages, age, reasons, next try, time until the mail is returned."""
    from chatmaild.operator.mailqueue import listing, messages
    from chatmaild.transport import silence

    now_s = time.time()
    found = messages.read(settings)
    if domain is not None:
        found = [m for m in found if domain.lower() in m.domains]
    places = listing.destinations(
        found,
        now_s=now_s,
        lifetime_s=settings.mail.bounce_after_days * listing.DAY_S,
        is_dead=silence.load(Path(settings.directories.transport)).is_dead,
    )
    if domain is not None:
        places = [place for place in places if place.domain == domain.lower()]
    each = each or addresses
    hide = listing.shown if addresses else listing.hidden
    if wants_json:
        document = listing.as_document(places, found if each else None, hide)
        click.echo(json.dumps(document, indent=2))
        return
    for place in places:
        print_lines(place.lines())
    for message in found if each else ():
        print_lines(listing.message_lines(message, now_s=now_s, hide=hide))
    if not places:
        click.echo("no mail is queued")


@queue.command()
@click.argument("domain", required=False)
@click.pass_obj
def retry(settings: Settings, domain: str | None) -> None:
    """Try all mail now, or the mail for DOMAIN."""
    from chatmaild.operator.mailqueue import actions, messages

    if domain is None:
        click.echo(actions.retry_all())
        return
    click.echo(actions.retry(actions.select(messages.read(settings), domain)))


@queue.command()
@click.argument("domain")
@click.pass_obj
def hold(settings: Settings, domain: str) -> None:
    """Hold the queued mail for DOMAIN: Postfix neither tries nor returns it."""
    from chatmaild.operator.mailqueue import actions, messages

    click.echo(actions.hold(actions.select(messages.read(settings), domain)))


@queue.command()
@click.argument("domain")
@click.pass_obj
def release(settings: Settings, domain: str) -> None:
    """Release the held mail for DOMAIN, and try it now."""
    from chatmaild.operator.mailqueue import actions, messages

    click.echo(actions.release(actions.select(messages.read(settings), domain, held=True)))


@queue.command()
@click.argument("domain")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.pass_obj
def drop(settings: Settings, domain: str, yes: bool) -> None:
    """Delete the queued mail for DOMAIN; its senders get no notice."""
    from chatmaild.operator.mailqueue import actions, messages

    found = actions.select(messages.read(settings), domain, held=None)
    if not yes:
        count = actions.counted(found.whole)
        click.confirm(f"Delete {count} for {domain}, without a notice to senders?", abort=True)
    click.echo(actions.drop(found))
