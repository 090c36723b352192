"""`chatmail address`."""

import functools
import itertools
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from chatmaild.cli import print_lines
from chatmaild.errors import ChatmaildError
from chatmaild.settings import Settings

if TYPE_CHECKING:
    from chatmaild.operator.accountlist.entries import Filters

_LINES_AT_ONCE: Final = 4096


@click.group()
def address() -> None:
    """List, create, disable and delete addresses.

    Put -- before an address that begins with a hyphen.
    """


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select addresses; a DAY is 2026-11-29, or 30d for 30 days ago."""
    day = functools.partial(click.option, metavar="DAY")
    for option in (
        click.option("--disabled", is_flag=True, help="Disabled addresses only."),
        click.option("--enabled", is_flag=True, help="Enabled addresses only."),
        day("--created-before", help="Created before DAY (2026-11-29, or 30d)."),
        day("--created-after", help="Created on DAY or later."),
        day("--login-before", help="Last login before DAY."),
        day("--login-after", help="Last login on DAY or later."),
        click.option("--never-used", is_flag=True, help="No session and no mail yet."),
        click.option("--match", metavar="PATTERN", help="Address with * and ?, such as 'ci-*'."),
        click.option(
            "--larger-than",
            type=click.IntRange(0, 10**9),
            metavar="MB",
            help="More mail than MB; reads all mailboxes.",
        ),
    ):
        command = option(command)
    return command


def _chosen(options: dict[str, Any]) -> "Filters":
    """Return the filters that the options name."""
    from chatmaild.operator.accountlist.entries import Filters, day_start_s

    def day_s(name: str) -> int | None:
        return None if options[name] is None else day_start_s(options[name])

    if options["disabled"] and options["enabled"]:
        raise click.UsageError("--disabled and --enabled exclude each other")
    pattern = options["match"]
    return Filters(
        created_before_s=day_s("created_before"),
        created_after_s=day_s("created_after"),
        login_before_s=day_s("login_before"),
        login_after_s=day_s("login_after"),
        never_used=options["never_used"],
        disabled=True if options["disabled"] else False if options["enabled"] else None,
        pattern=pattern if pattern is None or "@" in pattern else f"{pattern}@*",
        larger_than_bytes=None
        if options["larger_than"] is None
        else options["larger_than"] * 1_000_000,
    )


@address.command("list")
@_filters
@click.option("--plain", is_flag=True, help="Print addresses only.")
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def list_addresses(settings: Settings, /, plain: bool, wants_json: bool, **options: Any) -> None:
    """List addresses with the day of their last login."""
    from chatmaild.operator.accountlist.entries import entries

    found = entries(settings, _chosen(options), complete=wants_json)
    if wants_json:
        lines = (json.dumps(entry.as_json()) for entry in found)
    else:
        lines = (entry.address if plain else entry.line() for entry in found)
    _print_many(lines)


def _print_many(lines: Iterable[str]) -> None:
    """Print lines, many in one write."""
    lines = iter(lines)
    while piece := list(itertools.islice(lines, _LINES_AT_ONCE)):
        click.echo("\n".join(piece))


@address.command()
@click.argument("file", type=click.Path(path_type=Path))
@_filters
@click.pass_obj
def export(settings: Settings, /, file: Path, **options: Any) -> None:
    """Write addresses with their password hashes to FILE, for `chatmail address import`."""
    from chatmaild.operator.accountlist import files as work

    number = work.export(settings, file, _chosen(options))
    click.echo(f"exported {number} addresses to {file}; keep the file secret")


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
# of a test: a name that nobody has used need not be kept
@click.option("--free-name", is_flag=True, hidden=True)
@click.pass_obj
def delete(settings: Settings, address: str, yes: bool, free_name: bool) -> None:
    """Delete an address and all its mail, and end its sessions."""
    from chatmaild.operator import addresses as work

    found = work.existing(settings, address)
    if not yes:
        click.confirm(f"Delete {found} and all its mail?", abort=True)
    work.delete(settings, found, keep_name=not free_name)
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
@click.argument("source", type=click.Path(path_type=Path))
@click.pass_obj
def import_(settings: Settings, source: Path) -> None:
    """Create addresses from a list.

    SOURCE is a file of `chatmail address export`, or a text file with an address per line and its
    password after it; without a password, one is created and printed. Existing addresses do not
    change. For the mailboxes of another server there is `chatmail import`.
    """
    if source.is_dir():
        raise ChatmaildError(f"{source} is a directory: use `chatmail import {source}`")
    from chatmaild.operator.accountlist import files as work

    result = work.Result()
    print_lines(work.import_list(settings, source, result))
    click.echo(result.summary(), err=True)


def _password(from_stdin: bool) -> str | None:
    if not from_stdin:
        return None
    try:
        text = sys.stdin.readline().rstrip("\n")
        text.encode()
    except UnicodeError as error:
        raise ChatmaildError("the password is not text in UTF-8") from error
    return text
