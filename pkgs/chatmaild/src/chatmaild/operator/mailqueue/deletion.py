"""Delete messages of Postfix' queue, and with them why they were not delivered yet."""

import time
from collections.abc import Callable, Collection
from typing import Final

from chatmaild.operator.mailqueue.messages import parse, run

Run = Callable[[list[str], str], str]

PATIENCE_S: Final = 5.0
_EVERY_S: Final = 0.1


def delete(names: Collection[str], run: Run = run, *, patience_s: float = PATIENCE_S) -> None:
    """Delete the messages with these queue IDs, without a notice to their senders.

    With a message, Postfix deletes the file of reasons why it was not delivered, which names
    recipients. A delivery that is under way would write that file again, and nobody would delete
    it before its age does (modules/chatmail/postfix/queue.nix). So this waits until none is.

    Raises:
        ChatmaildError: as `messages.run`.
    """
    if not names:
        return
    deadline_s = time.monotonic() + patience_s
    while _are_being_delivered(names, run) and time.monotonic() < deadline_s:
        time.sleep(_EVERY_S)
    run(["postsuper", "-d", "-"], "".join(f"{name}\n" for name in names))


def _are_being_delivered(names: Collection[str], run: Run) -> bool:
    return any(
        message.name in names and message.queue in ("active", "incoming")
        for message in parse(run(["postqueue", "-j"], ""), {})
    )
