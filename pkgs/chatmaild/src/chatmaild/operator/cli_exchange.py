"""`chatmail import` and `chatmail export`."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from chatmaild.settings import Settings

_json = click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
_path = click.argument("path", type=click.Path(path_type=Path))


@click.command("import")
@_path
@click.option("--dry-run", is_flag=True, help="Only print what was found.")
@click.option(
    "--queue",
    "with_queue",
    is_flag=True,
    help="Also import queued mail; only after the old machine has stopped for good.",
)
@click.option(
    "--into-existing",
    is_flag=True,
    help="Also add mail to addresses that exist here and were not imported.",
)
@_json
@click.pass_obj
def import_(
    settings: Settings,
    path: Path,
    dry_run: bool,
    with_queue: bool,
    into_existing: bool,
    wants_json: bool,
) -> int:
    """Import a relay that ran chatmail/relay: addresses, mail, tokens, keys.

    PATH is the disk of the old machine or a copy of it, with home/vmail/mail, etc/dkimkeys and
    var/lib/acme/accounts; or the directory of the mailboxes alone. Nothing is changed there. This
    relay can run meanwhile. Repeat it as often as you like: it adds what is new, and changes no
    password.
    """
    from chatmaild.operator.exchange import commands

    return commands.import_tree(
        settings,
        path,
        dry_run=dry_run,
        with_queue=with_queue,
        into_existing=into_existing,
        wants_json=wants_json,
        say=click.echo,
        progress=_progress("importing"),
    )


@click.command()
@_path
@_json
@click.pass_obj
def export(settings: Settings, path: Path, wants_json: bool) -> int:
    """Write this relay to the new directory PATH, in the layout of chatmail/relay.

    `chatmail import` of another relay reads it, and so does the server that cmdeploy installs.
    Keep it secret: it has all keys and password hashes.
    """
    from chatmaild.operator.exchange import commands

    return commands.export_tree(
        settings, path, wants_json=wants_json, say=click.echo, progress=_progress("exporting")
    )


class _progress:  # noqa: N801 - a function with a state
    """Show a bar on standard error while an iterator runs, if that is a terminal."""

    def __init__(self, label: str) -> None:
        self._label = label

    def __call__(self, work: Iterable[None], length: int) -> Iterator[None]:
        if not sys.stderr.isatty():
            yield from work
            return
        with click.progressbar(work, length=length, label=self._label, file=sys.stderr) as bar:
            yield from bar
