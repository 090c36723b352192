"""`chatmail notice`."""

import json

import click

from chatmaild.settings import Settings


@click.group()
def notice() -> None:
    """Give a short text to all clients, at their next login (IMAP METADATA /shared/comment).

    Delta Chat shows it only in its log.
    """


@notice.command("set")
@click.argument("text")
@click.pass_obj
def set_(settings: Settings, text: str) -> None:
    """Set the text: one line of up to 500 printable characters."""
    from chatmaild.operator.privileges import audit
    from chatmaild.store.decisions import notice as store

    store.set_text(settings, text)
    audit("notice set")
    click.echo(store.stored(settings))


@notice.command()
@click.option("--json", "wants_json", is_flag=True, help='Print JSON: {"text": TEXT or null}.')
@click.pass_obj
def show(settings: Settings, wants_json: bool) -> None:
    """Show the text."""
    from chatmaild.store.decisions import notice as store

    text = store.stored(settings)
    if wants_json:
        click.echo(json.dumps({"text": text or None}, ensure_ascii=False))
        return
    click.echo(text or "there is no notice")


@notice.command()
@click.pass_obj
def clear(settings: Settings) -> None:
    """Remove the text."""
    from chatmaild.operator.privileges import audit
    from chatmaild.store.decisions import notice as store

    if store.clear(settings):
        audit("notice cleared")
    click.echo("there is no notice")
