"""What `chatmail move` prints and does, in order."""

import os
from collections.abc import Iterator, Sequence
from typing import Any, Final

from chatmaild.cli import EXIT_FAILED
from chatmaild.errors import ChatmaildError
from chatmaild.operator.move import plan
from chatmaild.operator.move.remote import Remote
from chatmaild.operator.move.state import Place, why_closed
from chatmaild.operator.move.steps import Looks, Mover, Say, refusal
from chatmaild.settings import Settings

# checks of the selftest that need neither DNS nor other machines
_CHECKS: Final = ("units", "space", "certificate", "login", "message", "plain-text", "metadata")
_TTL: Final = "a day before: lower the TTL of {names} to 300 s at your DNS provider"
_STEPS: Final = (
    "copy mail, addresses, keys, certificate and tokens, while mail flows",
    "stop mail here, and copy what has changed, and the queue: clients and servers try again",
    "compare names, sizes, times and owners of all files on both machines",
    "close this machine for good, and start the new one: clients with the old IP address go on,"
    " and their connections are passed on",
)


def run(settings: Settings, target: str, *, dry_run: bool, longest_s: float, say: Say) -> int:
    """Move, or with `dry_run` say what would be done; return the exit code.

    Raises:
        ChatmaildError: a step failed; its sentence says in which state this machine is.
    """
    require_root()
    place = Place.of(settings)
    begun = place.load()
    if begun is not None and begun.phase == "moved":
        raise ChatmaildError(refusal(begun))
    if place.is_closed and (begun is None or not begun.is_old):
        # its copy may be old: another machine serves, or will
        raise ChatmaildError("; ".join(why_closed(settings) or ()))
    remote = Remote(plan.checked_target(target))
    mover = Mover(settings=settings, remote=remote, say=say, longest_s=longest_s)
    if dry_run:
        looks = mover.look()
        _say_all(say, _plan(settings, looks))
        return EXIT_FAILED if plan.problems(looks.old, looks.new) else 0
    with place.locked():
        mover.recover()
        looks = mover.look()
        if found := plan.problems(looks.old, looks.new):
            raise ChatmaildError("; ".join(found))
        say(f"moving {plan.summary(looks.old)}")
        mover.move(looks)
    wrong = _failed_checks(remote)
    _say_all(say, [*wrong, *_afterwards(settings, looks)])
    return EXIT_FAILED if wrong else 0


def undo(settings: Settings, *, is_gone: bool = False, say: Say) -> int:
    """Give up a move before the switch; return the exit code.

    `is_gone`: the new machine never runs again, and is not asked.

    Raises:
        ChatmaildError: there is none, or it is too late.
    """
    require_root()
    place = Place.of(settings)
    with place.locked():
        begun = place.load()
        if begun is None or not begun.is_old:
            raise ChatmaildError("no move from this machine has begun")
        mover = Mover(settings=settings, remote=Remote(begun.peer), say=say)
        knows = mover.undo(begun, is_gone=is_gone)
    if is_gone:
        return 0
    say(f"{begun.peer} stays closed, and has a copy, which the next move replaces")
    if not knows:
        say(
            "it did not answer: before the next move run `rm -r /var/lib/chatmail` and reboot there"
        )
    return 0


def require_root() -> None:
    """Refuse other users.

    Raises:
        ChatmaildError: not root.
    """
    if os.geteuid() != 0:
        raise ChatmaildError("a relay is moved by root only: run this as root")


def _say_all(say: Say, lines: Sequence[str]) -> None:
    for line in lines:
        say(line)


def _plan(settings: Settings, looks: Looks) -> list[str]:
    old, new = looks.old, looks.new
    return [
        f"to move: {plan.summary(old)}",
        *(f"problem: {problem}" for problem in plan.problems(old, new)),
        *(f"note: {note}" for note in plan.notes(old, new)),
        _TTL.format(names=settings.domain),
        *(f"step {number}: {step}" for number, step in enumerate(_STEPS, 1)),
        *_afterwards(settings, looks),
        "nothing was changed",
    ]


def _afterwards(settings: Settings, looks: Looks) -> Iterator[str]:
    changes = plan.dns_changes(looks.old, looks.new)
    yield from (f"then change in DNS: {change}" for change in changes)
    if changes:
        yield "all other records stay; check them on the new machine: chatmail dns --check"
        yield f"set the reverse name of the new IP address to {settings.domain}, at its provider"
    yield (
        "when the TTL of the old DNS records has passed, switch the old machine off and delete its"
        " disk: it still has all mail"
    )


def _failed_checks(remote: Remote) -> list[str]:
    """Return what the selftest of the new machine finds."""
    only = [word for name in _CHECKS for word in ("--only", name)]
    try:
        report: Any = remote.chatmail("selftest", "--json", *only, may_fail=True)
        failed = [check for check in report["checks"] if check["verdict"] == "failed"]
    except (ChatmaildError, LookupError, TypeError) as error:
        return [f"the selftest on the new machine gives no result: {error}"]
    return [
        f"selftest on the new machine: {check['name']}: {check['sentence']}" for check in failed
    ]
