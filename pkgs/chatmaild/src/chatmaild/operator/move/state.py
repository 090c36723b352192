"""How far a move is: /var/lib/chatmail/move of both machines.

state.json   the move that this machine takes part in
closed       systemd starts no service that uses mailboxes, queue or keys
forward      IP addresses of the new machine: chatmail-forward passes connections on to them
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal, Self

from chatmaild.errors import ChatmaildError
from chatmaild.settings import Settings
from chatmaild.store.files import fsync_directory, write_atomically

# the old machine: copying, closed, moved; the new one: receiving, serving, or abandoned
Phase = Literal["copying", "closed", "moved", "receiving", "serving", "abandoned"]
_OLD: Final = frozenset({"copying", "closed", "moved"})
_LOCK_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A move.

    Attributes:
        number: random, the same on both machines.
        peer: the other machine, as the operator named it; empty on the new one.
        since_s: Unix time of the begin of the phase.
    """

    number: str
    phase: Phase
    peer: str
    since_s: float

    @property
    def is_old(self) -> bool:
        """Whether this is the machine from which the relay moves."""
        return self.phase in _OLD


class Place:
    """The directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._state = directory / "state.json"
        self._closed = directory / "closed"
        self.forward = directory / "forward"

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The directory of this machine."""
        return cls(Path(settings.directories.move))

    @contextlib.contextmanager
    def locked(self, *, within_s: float = 0.0) -> Iterator[None]:
        """Keep other commands from changing the move.

        Raises:
            ChatmaildError: another command does so, and did not end in time.
        """
        self._directory.mkdir(mode=0o755, exist_ok=True)
        deadline_s = time.monotonic() + within_s
        with open(self._directory / "lock", "w", opener=_for_root) as file:
            # rsync, if it outlives us, holds the lock, too; ssh closes what it inherits
            os.set_inheritable(file.fileno(), True)
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > deadline_s:
                        raise ChatmaildError(
                            "another `chatmail move`, or its rsync, runs here: wait until it ends"
                        ) from error
                    time.sleep(_LOCK_POLL_S)
            yield

    def load(self) -> Move | None:
        """Return the move that this machine takes part in; None for none.

        Raises:
            ChatmaildError: the file is damaged.
        """
        try:
            return Move(**json.loads(self._state.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise ChatmaildError(f"{self._state} cannot be read: it is damaged") from error

    def save(self, move: Move) -> None:
        """Store how far the move is."""
        self._directory.mkdir(mode=0o755, exist_ok=True)
        write_atomically(self._state, json.dumps(asdict(move)).encode())

    def forget(self) -> None:
        """Take part in no move any more, and be open."""
        for file in (self.forward, self._closed, self._state):
            file.unlink(missing_ok=True)
        if self._directory.is_dir():
            fsync_directory(self._directory)

    @property
    def is_closed(self) -> bool:
        """Whether the services of this machine must not start."""
        return self._closed.exists()

    def close(self) -> None:
        """Let no service start, also after a reboot."""
        self._directory.mkdir(mode=0o755, exist_ok=True)
        write_atomically(self._closed, b"", mode=0o644)

    def open(self) -> None:
        """Let services start."""
        self._closed.unlink(missing_ok=True)
        fsync_directory(self._directory)

    def forward_to(self, addresses: list[str]) -> None:
        """Name the machine to which chatmail-forward passes connections on."""
        write_atomically(self.forward, "\n".join([*addresses, ""]).encode(), mode=0o644)


def _for_root(path: str, flags: int) -> int:
    """Open a file that others cannot open, and so not lock."""
    return os.open(path, flags, 0o600)


def why_closed(settings: Settings) -> tuple[str, str] | None:
    """Return why this machine starts no mail service, and what to do; None if it is open.

    Raises:
        ChatmaildError: the state is damaged.
    """
    place = Place.of(settings)
    if not place.is_closed:
        return None
    move = place.load()
    match None if move is None else move.phase:
        case "moved":
            assert move is not None
            day = time.strftime("%Y-%m-%d", time.gmtime(move.since_s))
            return (
                f"this machine is closed: the relay moved to {move.peer} on {day}",
                "when the TTL of the old DNS records has passed, switch it off and delete its disk",
            )
        case "closed" | "copying":
            assert move is not None
            again = f"repeat: chatmail move {move.peer}"
            return f"this machine is closed: the move to {move.peer} was interrupted", again
    return (
        "this machine is closed: it receives a relay",
        "wait for the end of `chatmail move` on the old machine, or repeat it there",
    )
