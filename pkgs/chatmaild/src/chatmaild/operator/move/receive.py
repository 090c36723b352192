"""The part of the new machine: `chatmail receive`, which the old one runs by ssh."""

import contextlib
import os
import time
from dataclasses import dataclass, field
from typing import Final

from chatmaild.errors import ChatmaildError
from chatmaild.operator.move import machine
from chatmaild.operator.move.state import Move, Phase, Place
from chatmaild.operator.move.trees import Inventory, inventory
from chatmaild.operator.privileges import audit
from chatmaild.settings import Settings

# as long as `serve` may take: services that do not start, and are stopped again
_PATIENCE_S: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """The new machine; `run` is systemctl."""

    settings: Settings
    run: machine.Run = field(default=machine.systemctl)

    @property
    def _place(self) -> Place:
        return Place.of(self.settings)

    def prepare(self, number: str) -> Move:
        """Close this machine for a move; repeats change nothing.

        Raises:
            ChatmaildError: it takes part in another move, serves already, or is not empty.
        """
        with self._locked():
            move = self._place.load()
            if move is None:
                found = inventory(self.settings)
                if found.addresses or found.queued:
                    raise ChatmaildError("this machine has addresses or mail already")
            elif move.phase != "abandoned" and (move.number, move.phase) != (number, "receiving"):
                raise ChatmaildError(f"this machine takes part in a move: it is {move.phase}")
            audit("move: this machine is closed, and receives a relay")
            self._place.close()
            self._stop()
            return self._save(number, "receiving")

    def abandon(self, number: str) -> Move | None:
        """Let no late request open this machine; the old one goes on.

        Returns:
            The move that this machine takes part in. It is too late if it is `serving`.
        """
        with self._locked():
            move = self._place.load()
            if move is not None and (move.number, move.phase) == (number, "receiving"):
                return self._save(number, "abandoned")
            return move

    def _save(self, number: str, phase: Phase) -> Move:
        move = Move(number=number, phase=phase, peer="", since_s=time.time())
        self._place.save(move)
        return move

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        return self._place.locked(within_s=_PATIENCE_S)

    def serve(self, number: str) -> Move:
        """Open this machine, which has everything now; repeats change nothing.

        Postfix starts last: until then nothing here differs from the old machine, which can go on
        if another service does not start. A machine that dies meanwhile starts all of them when it
        boots: so `serving` is stored first.

        Raises:
            ChatmaildError: a service does not start. If it is the first time, and not Postfix,
                this machine is closed again.
        """
        with self._locked():
            move = self._place.load()
            if move is None or move.number != number or move.phase not in ("receiving", "serving"):
                raise ChatmaildError("this machine takes part in no such move")
            if move.phase == "receiving" or self._place.is_closed:
                os.sync()
                move = self._save(number, "serving")
                self._open(number)
                audit("move: this machine serves the relay")
            wrong = machine.start([*machine.SERVICES, machine.POSTFIX, *machine.TIMERS], self.run)
            if wrong:
                raise ChatmaildError(_not_started(wrong))
            return move

    def _open(self, number: str) -> None:
        """Start all but Postfix, or close again."""
        try:
            self._place.open()
            # they have read the certificate, the secrets and the settings of before
            with contextlib.suppress(ChatmaildError):
                self.run(["reload-or-restart", "nginx"])
            wrong = machine.start([*machine.MEDIA, *machine.SERVICES], self.run)
        except BaseException:
            self._close_again(number)
            raise
        if wrong:
            self._close_again(number)
            raise ChatmaildError(_not_started(wrong))

    def _close_again(self, number: str) -> None:
        """Let the old machine go on: Postfix has not run here."""
        self._place.close()
        self._stop()
        self._save(number, "receiving")

    def _stop(self) -> None:
        machine.stop(
            [
                *(*machine.TIMERS, *machine.JOBS, machine.POSTFIX),
                *(*machine.SERVICES, *machine.MEDIA),
            ],
            self.run,
        )


def compared(settings: Settings) -> Inventory:
    """Return what the old machine compares; it closes if both have the same.

    All of it is on disk then. Otherwise a machine that loses its power before it serves would
    serve files that rsync has written and the disk has not.
    """
    os.sync()
    return inventory(settings)


def _not_started(units: list[str]) -> str:
    return f"{', '.join(units)} does not start: see journalctl there"
