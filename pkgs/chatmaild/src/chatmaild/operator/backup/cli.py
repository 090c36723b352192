"""`chatmail backup`."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chatmaild.cli import print_lines
from chatmaild.errors import ChatmaildError
from chatmaild.settings import Settings

if TYPE_CHECKING:
    from chatmaild.operator.backup.restic import Restic


@click.group()
def backup() -> None:
    """Back up the relay, or this machine of several, with restic; and restore it."""


def _repository(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name the repository."""
    file = click.Path(path_type=Path)
    for option in (
        click.option(
            "--environment-file",
            type=file,
            metavar="FILE",
            help="File with keys of the storage, as lines NAME=VALUE.",
        ),
        click.option(
            "--password-file",
            type=file,
            metavar="FILE",
            help="File with the password of the repository.",
        ),
        click.option(
            "--repository",
            metavar="PLACE",
            help="Path, sftp:, s3: or rest:, as in restic.  [default: services.chatmail.backup]",
        ),
    ):
        command = option(command)
    return command


def _open(settings: Settings, options: dict[str, Any]) -> "Restic":
    from chatmaild.operator.backup.restic import Restic
    from chatmaild.operator.backup.target import Given, repository

    if os.geteuid() != 0:
        raise ChatmaildError("only root can read all state of the relay: run this as root")
    machine = settings.cluster.machine
    host = settings.domain if machine is None else f"{machine}.{settings.domain}"
    return Restic(repository(settings, Given(**options)), host)


@backup.command()
@click.option(
    "--mail/--no-mail",
    "with_mail",
    default=None,
    help="With or without mailboxes and queue.  [default: services.chatmail.backup.withMail]",
)
@click.option("--init", is_flag=True, help="Make the repository if there is none.")
@_repository
@click.pass_obj
def create(settings: Settings, /, with_mail: bool | None, init: bool, **options: Any) -> None:
    """Back up the running relay, and delete backups older than retention.deleteAfterDays.

    Contains addresses, password hashes, device tokens, invites, DKIM keys and certificate.
    """
    from chatmaild.operator.backup import create as work

    wants_mail = settings.backup.with_mail if with_mail is None else with_mail
    restic = _open(settings, options)
    print_lines(work.run(settings, restic, with_mail=wants_mail, init=init))


@backup.command("list")
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@_repository
@click.pass_obj
def list_(settings: Settings, /, wants_json: bool, **options: Any) -> None:
    """List the backups of this relay: ID, time, content, size."""
    found = _open(settings, options).snapshots()
    if wants_json:
        document = [
            {
                "id": one.id,
                "time": _time(one.time_s).isoformat(timespec="seconds"),
                "with_mail": one.with_mail,
                "files": one.files,
                "bytes": one.size_bytes,
            }
            for one in found
        ]
        click.echo(json.dumps({"backups": document}, indent=2))
        return
    for one in found:
        size = "" if one.size_bytes is None else f"{one.size_bytes / 1e6:10.1f} MB"
        what = "with mail" if one.with_mail else "without mail"
        click.echo(f"{one.id}  {_time(one.time_s):%Y-%m-%d %H:%M} UTC  {what:<12}{size}")
    if not found:
        click.echo("no backup")


@backup.command()
@click.option(
    "--read",
    "percent",
    type=click.IntRange(1, 100),
    metavar="PERCENT",
    default=5,
    show_default=True,
    help="Read this part of the data, chosen at random.",
)
@_repository
@click.pass_obj
def verify(settings: Settings, /, percent: int, **options: Any) -> None:
    """Check that the repository is whole, and that the newest backup can be read."""
    from chatmaild.operator.backup.manifest import PATH, Manifest
    from chatmaild.operator.backup.restore import choose

    restic = _open(settings, options)
    newest = choose(restic.snapshots(), "latest")
    Manifest.from_json(restic.read(newest.id, str(PATH)))
    restic.check(part=f"{percent}%")
    click.echo(
        f"the repository is whole, {percent} % of its data was read; the newest backup is"
        f" {newest.id} of {_time(newest.time_s):%Y-%m-%d %H:%M} UTC"
    )


@backup.command()
@click.argument("wanted", metavar="[BACKUP]", default="latest")
@click.option("--force", is_flag=True, help="Replace the addresses and the mail of this machine.")
@_repository
@click.pass_obj
def restore(settings: Settings, /, wanted: str, force: bool, **options: Any) -> None:
    """Restore BACKUP, by default the newest one, on a machine without addresses.

    Stops the relay meanwhile, deletes expired mail and addresses, and prints the next steps.
    """
    from chatmaild.operator.backup import restore as work

    print_lines(work.run(settings, _open(settings, options), wanted, force=force))


def _time(time_s: float) -> datetime:
    return datetime.fromtimestamp(time_s, UTC)
