"""Change the queue with Postfix' programs, as root: try now, hold, release, delete."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from chatmaild.errors import ChatmaildError
from chatmaild.operator.mailqueue.deletion import Run, delete
from chatmaild.operator.mailqueue.messages import Message, run
from chatmaild.operator.privileges import audit

# one process per message; each waits some milliseconds for the disk
_AT_ONCE: Final = 4

Change = Callable[[Sequence[str]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The messages of a domain.

    Attributes:
        whole: messages for this domain only.
        shared: messages for other domains as well; the programs of Postfix can only change
            a message as a whole.
    """

    whole: tuple[Message, ...]
    shared: tuple[Message, ...]


def select(messages: Sequence[Message], domain: str, *, held: bool | None = False) -> Selection:
    """Return the messages for a domain: held, not held, or both with None.

    Raises:
        ChatmaildError: there is none.
    """
    wanted = [m for m in messages if domain.lower() in m.domains]
    if held is not None:
        wanted = [message for message in wanted if (message.queue == "hold") == held]
    if not wanted:
        state = "held" if held else "queued"
        raise ChatmaildError(f"no mail for this domain is {state}; `chatmail queue` shows all")
    return Selection(
        whole=tuple(m for m in wanted if len(m.domains) == 1),
        shared=tuple(m for m in wanted if len(m.domains) > 1),
    )


def retry_all(run: Run = run) -> str:
    """Let Postfix try all mail now; return a sentence."""
    run(["postqueue", "-f"], "")
    audit("queue: retry of all mail")
    return "Postfix tries all mail now"


def retry(found: Selection, run: Run = run) -> str:
    """Let Postfix try the mail for a domain now; return a sentence."""
    names = [m.name for m in (*found.whole, *found.shared) if m.queue == "deferred"]
    _try_now(names, run)
    audit("queue: retry of %d messages", len(names))
    return f"Postfix tries {counted(names)} now"


def _try_now(names: Sequence[str], run: Run) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda name: run(["postqueue", "-i", name], ""), names))


def hold(found: Selection, run: Run = run) -> str:
    """Hold mail: Postfix neither tries nor returns it; return a sentence."""
    return _changed(found, _with("-h", run), "held")


def release(found: Selection, run: Run = run) -> str:
    """Release held mail, and try it now; return a sentence."""
    text = _changed(found, _with("-H", run), "released")
    _try_now([message.name for message in found.whole], run)
    return text


def drop(found: Selection, run: Run = run) -> str:
    """Delete mail without a notice to its senders; return a sentence."""
    return _changed(found, lambda names: delete(names, run), "deleted")


def _with(option: str, run: Run) -> Change:
    """Let postsuper(1) change the messages."""

    def change(names: Sequence[str]) -> None:
        if names:
            run(["postsuper", option, "-"], "\n".join(names) + "\n")

    return change


def _changed(found: Selection, change: Change, done: str) -> str:
    _require_root()
    names = [message.name for message in found.whole]
    change(names)
    audit("queue: %d messages %s", len(names), done)
    text = f"{done} {counted(names)}"
    if found.shared:
        text += f"; {counted(found.shared)} for other domains as well stay as they are"
    return text


def counted(things: Sequence[object]) -> str:
    """Return `1 message`, `2 messages`."""
    return "1 message" if len(things) == 1 else f"{len(things)} messages"


def _require_root() -> None:
    if os.geteuid() != 0:
        raise ChatmaildError("only root can change the queue of Postfix: run this as root")
