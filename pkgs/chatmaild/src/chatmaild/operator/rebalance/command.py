"""Start the moves of one store or of all, and look at them."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Final

from chatmaild.errors import ChatmaildError
from chatmaild.operator.cluster import remote
from chatmaild.operator.privileges import acting_as, audit
from chatmaild.rebalance import progress
from chatmaild.rebalance.progress import Progress
from chatmaild.settings import Settings

# each look starts a process on every store
_POLL_S: Final = 5.0
# the moves go on by themselves when the cause of a problem is gone
_STUCK_S: Final = 60.0
_COMMAND: Final = "rebalance"
_AGAIN: Final = "repeat chatmail rebalance when it is back"

Say = Callable[[str], None]


def start(settings: Settings) -> None:
    """Have this store, or on a front all stores, move what belongs to others.

    Raises:
        ChatmaildError: this relay is one machine, or a store does not answer.
        OSError: it cannot be stored.
    """
    if _is_front(settings):
        problems = []
        for store in settings.cluster.stores:
            try:
                _remote(settings, store, "--no-wait")
            except ChatmaildError as error:
                problems.append(str(error))
        if problems:
            raise ChatmaildError(f"{'; '.join(problems)}. All others move; {_AGAIN}")
        return
    with acting_as(settings.users.mail):
        progress.want(settings)
    audit("rebalance: started")


def look(settings: Settings) -> Mapping[str, Progress]:
    """Return the state of this store, or on a front of all stores.

    Raises:
        ChatmaildError: this relay is one machine.
    """
    cluster = settings.cluster
    if not _is_front(settings):
        found = asdict(progress.read(settings)) | {"running": progress.is_wanted(settings)}
        return {cluster.machine or "": Progress(**found)}
    return {store: _of(settings, store) for store in cluster.stores}


def _of(settings: Settings, store: str) -> Progress:
    """Return the state of another store; of one that does not answer, that as its problem."""
    try:
        return Progress(**json.loads(_remote(settings, store, "--status", "--json"))[store])
    except ChatmaildError as error:
        return Progress(problem=f"{error}; {_AGAIN}")
    except (ValueError, KeyError, TypeError):
        return Progress(problem="it has another version of this command")


def show(settings: Settings, *, wants_json: bool, say: Say) -> int:
    """Print the state; return the exit code."""
    return _show(look(settings), wants_json=wants_json, say=say)


def wait(settings: Settings, *, wants_json: bool, say: Say) -> int:
    """Print the state until all have moved, or none moves any more; return the exit code."""
    before, changed_s = None, time.monotonic()
    while True:
        found = look(settings)
        moved = [(one.left, one.moved) for one in found.values()]
        if moved != before:
            before, changed_s = moved, time.monotonic()
        has_problem = any(one.problem for one in found.values())
        is_stuck = has_problem and time.monotonic() > changed_s + _STUCK_S
        if is_stuck or not any(one.running for one in found.values()):
            return _show(found, wants_json=wants_json, say=say)
        if not wants_json:
            _show(found, wants_json=False, say=say)
        time.sleep(_POLL_S)


def _show(found: Mapping[str, Progress], *, wants_json: bool, say: Say) -> int:
    if wants_json:
        say(json.dumps({store: asdict(one) for store, one in found.items()}))
    else:
        for store, one in found.items():
            say(f"{store:<12}{one}")
    return int(any(one.problem for one in found.values()))


def _is_front(settings: Settings) -> bool:
    if settings.cluster.role == "all":
        raise ChatmaildError("this relay is one machine: it has no other stores")
    return settings.cluster.role == "front"


def _remote(settings: Settings, store: str, *options: str) -> str:
    done = remote.run(settings, store, [_COMMAND, *options])
    if not done.out and done.code:
        raise ChatmaildError(f"store {store}: {done.err.strip() or f'exit code {done.code}'}")
    return done.out
