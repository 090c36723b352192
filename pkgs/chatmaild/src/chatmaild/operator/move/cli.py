"""`chatmail move`, and `chatmail receive`, which it runs on the new machine."""

import contextlib
import functools
import time
from collections.abc import Callable
from typing import Any

import click

from chatmaild.cli import print_lines
from chatmaild.errors import ChatmaildError
from chatmaild.settings import Settings


@click.command()
@click.argument("target", required=False)
@click.option(
    "--dry-run", is_flag=True, help="Check both machines, and print the steps; change nothing."
)
@click.option("--undo", is_flag=True, help="Give up a move that was interrupted before the switch.")
@click.option(
    "--new-is-gone",
    is_flag=True,
    help="With --undo: do not ask the new machine, because it will never run again.",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--longest",
    type=click.IntRange(20, 3600),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Longest time without logins; if the move needs more, it stops nothing.",
)
@click.pass_obj
def move(
    settings: Settings,
    target: str | None,
    dry_run: bool,
    undo: bool,
    new_is_gone: bool,
    yes: bool,
    longest: int,
) -> int:
    """Move this relay to another machine, with less than a minute of refused logins.

    TARGET is root of the new machine, as in ssh: root@new.example.org. The new machine has the same
    configuration, and no addresses. No mail is lost or doubled. This machine is closed at the end;
    it passes connections of mail clients on until you switch it off. If the command was
    interrupted, repeat it.
    """
    from chatmaild.operator.move import command

    if undo:
        if target is not None or dry_run:
            raise click.UsageError("--undo takes no TARGET")
        if new_is_gone and not yes:
            click.confirm(
                "If the new machine still runs, both deliver mail. Is it gone for good?", abort=True
            )
        return command.undo(settings, is_gone=new_is_gone, say=_say)
    if new_is_gone:
        raise click.UsageError("--new-is-gone needs --undo")
    if target is None:
        raise click.UsageError("name the new machine: chatmail move root@new.example.org")
    if not dry_run and not yes:
        click.confirm(f"Move {settings.domain} to {target}?", abort=True)
    return command.run(
        settings, target, dry_run=dry_run, longest_s=longest, say=click.echo if dry_run else _say
    )


def only_if_open(group: click.Group, *names: str) -> None:
    """Refuse commands of a group on a machine that is closed: the other one would not know."""
    for name in names:
        command = group.commands[name]
        assert command.callback is not None
        command.callback = _refused_if_closed(command.callback)


def _refused_if_closed(callback: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(callback)
    def refuse_or_run(*arguments: Any, **options: Any) -> Any:
        from chatmaild.operator.move.state import why_closed

        # who may not read this may not change anything: the command says so
        with contextlib.suppress(PermissionError):
            if closed := why_closed(click.get_current_context().obj):
                raise ChatmaildError(closed[0])
        return callback(*arguments, **options)

    return refuse_or_run


def _say(text: str) -> None:
    # the terminal may be gone; the move is more important
    with contextlib.suppress(OSError):
        click.echo(f"{time.strftime('%H:%M:%S')} {text}")


@click.group(hidden=True)
def receive() -> None:
    """Take over a relay; `chatmail move` runs this on the new machine."""


_number = click.option("--number", required=True, metavar="NUMBER", help="Number of the move.")


@receive.command("look")
@click.pass_obj
def look(settings: Settings) -> None:
    """Print facts of this machine."""
    from chatmaild.operator.move import machine

    click.echo(machine.as_json(machine.look(settings)))


@receive.command("inventory")
@click.pass_obj
def inventory(settings: Settings) -> None:
    """Print numbers and a digest of all that moves."""
    from chatmaild.operator.move import machine
    from chatmaild.operator.move.receive import compared

    click.echo(machine.as_json(compared(settings)))


@receive.command("prepare")
@_number
@click.pass_obj
def prepare(settings: Settings, number: str) -> None:
    """Close this machine."""
    _receiver_says(settings, "prepare", number)


@receive.command("serve")
@_number
@click.pass_obj
def serve(settings: Settings, number: str) -> None:
    """Open this machine."""
    _receiver_says(settings, "serve", number)


@receive.command("abandon")
@_number
@click.pass_obj
def abandon(settings: Settings, number: str) -> None:
    """Stay closed: the old machine goes on."""
    _receiver_says(settings, "abandon", number)


def _receiver_says(settings: Settings, action: str, number: str) -> None:
    from chatmaild.operator.move import command, machine
    from chatmaild.operator.move.receive import Receiver

    command.require_root()
    receiver = Receiver(settings=settings)
    actions = {
        "prepare": receiver.prepare,
        "serve": receiver.serve,
        "abandon": receiver.abandon,
    }
    found = actions[action](number)
    print_lines(["null" if found is None else machine.as_json(found)])
