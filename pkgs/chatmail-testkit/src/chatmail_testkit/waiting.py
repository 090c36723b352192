"""Wait for a condition, with a deadline.

The deadlines here are for all tests. They are not what the relays promise: a healthy relay needs a
fraction, and one that hangs fails the test. A scenario that promises a time says it itself.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import Final, TypeVar

Value = TypeVar("Value")
# for a change, mail included; Postfix tries again after 30 s, which must not hide a failed attempt
PATIENCE_S: Final = 29.0
# for mail that a host does not take: Postfix waits 15 s for each of its IP addresses
GIVEN_UP_S: Final = 60.0
# for the next attempt: a message waits for 30 s, then for a run of the queue, then for a host
RETRIED_S: Final = 150.0
# for the answer of a server
ANSWER_S: Final = 60.0
# for one attempt to connect; a firewall answers nothing
CONNECTS_S: Final = 1.0
# for the end of a command, also of a backup, a restore or an export of all mailboxes
COMMAND_S: Final = 150.0


def wait_for(
    look: Callable[[], Value], what: str, *, within_s: float = PATIENCE_S, every_s: float = 0.2
) -> Value:
    """Returns the first true value of `look`.

    Raises:
        TimeoutError: `look` stayed false for `within_s`; the message names the condition.
    """
    deadline_s = time.monotonic() + within_s
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"not within {within_s} s: {what}")
        time.sleep(every_s)


def is_open(host: str, *ports: int) -> bool:
    """Returns whether all IPv4 addresses of a host take TCP connections at these ports.

    systemd calls nginx started before it listens.
    """
    with contextlib.suppress(OSError):
        for port in ports:
            for *_, end in socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM):
                socket.create_connection((str(end[0]), port), timeout=CONNECTS_S).close()
        return True
    return False
