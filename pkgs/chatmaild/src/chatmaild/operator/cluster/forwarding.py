"""Which machine of a cluster does a command: a front hands on what concerns accounts.

A command about one address runs on the store that has it, others on one store or on all. What a
machine cannot do, it says with the machine that can.
"""

import functools
import random
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import click

from chatmaild.address import parse_address
from chatmaild.directory.placement import all_of, winner, winners
from chatmaild.errors import ChatmaildError
from chatmaild.operator.cluster import remote
from chatmaild.operator.cluster.remote import Done, UnreachableError
from chatmaild.settings import Settings

Callback = Callable[..., Any]
# does a command on a front; a mapping has what each store printed
Forward = Callable[[Settings, dict[str, Any]], Mapping[str, Done]]
# what the name of a command's address is called in its parameters
_ADDRESS: Final = "address"
# where the root keeps its arguments, see `Root`
_GIVEN: Final = f"{__name__}.given"


class Root(click.Group):
    """A group that remembers its arguments: a front hands them on as they were typed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Remember the arguments, and parse them."""
        ctx.meta[_GIVEN] = list(args)
        return super().parse_args(ctx, args)


def on_the_store_of_its_address(group: click.Group, *names: str) -> None:
    """Let a front run these commands on the store that has, or would get, the address."""

    def forward(settings: Settings, options: dict[str, Any]) -> Mapping[str, Done]:
        text = options.get(_ADDRESS)
        if text is None:
            return _on_some_store(settings, _stdin(options))
        store = _place_of(settings, text)
        return {store: remote.run(settings, store, _arguments(), _stdin(options))}

    _replace(group, names, forward)


def on_all_stores(group: click.Group, *names: str) -> None:
    """Let a front run these commands on every store; equal answers are one."""
    _replace(group, names, lambda settings, _: remote.run_on_all(settings, _arguments()))


def on_one_store(group: click.Group, *names: str) -> None:
    """Let a front run these commands on a store that takes new addresses."""
    _replace(group, names, lambda settings, _: _on_some_store(settings))


def on_the_store_of_its_token(group: click.Group, *names: str) -> None:
    """Let a front run these commands on the store that has the token."""

    def forward(settings: Settings, options: dict[str, Any]) -> Mapping[str, Done]:
        # a token or a whole link
        token = str(options["token"]).rpartition("?")[2]
        done: dict[str, Done] = {}
        down: ChatmaildError | None = None
        for store in winners(token, all_of(settings.cluster.placements)):
            try:
                done = {store: remote.run(settings, store, _arguments())}
            except ChatmaildError as error:
                down = error
            else:
                if done[store].code == 0:
                    return done
        if down is not None:
            raise down
        return done

    _replace(group, names, forward)


def on_stores_only(group: click.Group, *names: str) -> None:
    """Let a front refuse these commands: they work with files of one store."""

    def refuse(settings: Settings, _: dict[str, Any]) -> Mapping[str, Done]:
        stores = ", ".join(settings.cluster.stores)
        raise ChatmaildError(f"run this on the store that it is for: {stores}")

    _replace(group, names, refuse)


def on_fronts_only(group: click.Group, *names: str) -> None:
    """Let a store refuse these commands: what they are about is on the fronts."""
    for name in names:
        command = group.commands[name]
        assert command.callback is not None
        command.callback = _refused_on_stores(command.callback)


def not_in_clusters(group: click.Group, name: str, *, front: str, store: str) -> None:
    """Let the machines of a cluster refuse a command, each with what to do instead."""

    def refuse(settings: Settings) -> None:
        match settings.cluster.role:
            case "front":
                raise ChatmaildError(front)
            case "store":
                raise ChatmaildError(store)

    command = group.commands[name]
    assert command.callback is not None
    command.callback = _checked(command.callback, refuse)


def _refused_on_stores(callback: Callback) -> Callback:
    def refuse(settings: Settings) -> None:
        if settings.cluster.role == "store":
            fronts = ", ".join(settings.cluster.fronts)
            raise ChatmaildError(f"run this on a front: {fronts}")

    return _checked(callback, refuse)


def _checked(callback: Callback, check: Callable[[Settings], None]) -> Callback:
    @functools.wraps(callback)
    def check_and_run(*arguments: Any, **options: Any) -> Any:
        check(click.get_current_context().find_root().obj)
        return callback(*arguments, **options)

    return check_and_run


def _replace(group: click.Group, names: tuple[str, ...], forward: Forward) -> None:
    for name in names:
        command = group.commands[name]
        assert command.callback is not None
        command.callback = _forwarded(command.callback, forward)


def _forwarded(callback: Callback, forward: Forward) -> Callback:
    @functools.wraps(callback)
    def forward_or_run(*arguments: Any, **options: Any) -> Any:
        settings = click.get_current_context().find_root().obj
        if settings.cluster.role != "front":
            return callback(*arguments, **options)
        if options.get("yes") is False:
            click.confirm(f"Delete {options[_ADDRESS]} and all its mail?", abort=True)
        return _show(forward(settings, options))

    return forward_or_run


def _show(answers: Mapping[str, Done]) -> int:
    """Print what the stores printed: once where all say the same."""
    if len(set(answers.values())) == 1:
        answers = dict(list(answers.items())[:1])
    for store, done in answers.items():
        if len(answers) > 1 and not done.out.startswith("{"):
            click.echo(f"{store}:", err=True)
        click.echo(done.out, nl=False)
        click.echo(done.err, nl=False, err=True)
    return max(done.code for done in answers.values())


def _arguments() -> list[str]:
    """Return the arguments from the name of the command on, as they were typed."""
    context = click.get_current_context()
    path: list[str] = []
    while context.parent is not None:
        path.insert(0, str(context.info_name))
        context = context.parent
    given: list[str] = context.meta[_GIVEN]
    arguments = given[given.index(path[0]) :]
    if path == ["address", "delete"] and "--yes" not in arguments:
        # asked here; what follows a -- would be an address
        return [*path, "--yes", *arguments[2:]]
    return arguments


def _stdin(options: dict[str, Any]) -> str:
    return sys.stdin.readline() if options.get("password_stdin") else ""


def _place_of(settings: Settings, text: str) -> str:
    address = parse_address(text if "@" in text else f"{text}@{settings.mail_domain}")
    if address.domain != settings.mail_domain:
        raise ChatmaildError(f"addresses of this relay end with @{settings.mail_domain}")
    found = remote.store_of(settings, address.account)
    return found or winner(str(address.account), settings.cluster.placements[0]) or ""


def _on_some_store(settings: Settings, stdin: str = "") -> Mapping[str, Done]:
    """Run the command on one of the stores that take new addresses; another if it is down.

    Raises:
        ChatmaildError: none of them answers.
    """
    names = [name for name, store in settings.cluster.stores.items() if store.state == "open"]
    random.shuffle(names)
    arguments = _arguments()
    for name in names[:-1]:
        try:
            return {name: remote.run(settings, name, arguments, stdin)}
        except UnreachableError:
            continue
    return {names[-1]: remote.run(settings, names[-1], arguments, stdin)}
