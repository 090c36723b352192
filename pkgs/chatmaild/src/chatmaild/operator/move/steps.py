"""The steps of a move, as the old machine does them."""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from chatmaild.errors import ChatmaildError
from chatmaild.operator.move import machine, plan, trees
from chatmaild.operator.move.instant import Instant
from chatmaild.operator.move.remote import Remote
from chatmaild.operator.move.signals import deferred, raised
from chatmaild.operator.move.state import Move, Phase, Place
from chatmaild.operator.privileges import audit
from chatmaild.settings import Settings

# copies while mail flows: the second and third have little to do, and show how long the last takes
_EARLY_COPIES: Final = 3
_SHORT_S: Final = 15.0
# stop, comparison and start, beside the last copy
_REST_S: Final = 20.0
# clocks of file systems are some milliseconds behind
_CLOCK_MARGIN_S: Final = 2.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Both machines before the move."""

    old: plan.Look
    new: plan.Look


@dataclass(slots=True, kw_only=True)
class Mover:
    """The old machine.

    Attributes:
        longest_s: the longest time without logins that the operator accepts.
        say: called with each step in words.
    """

    settings: Settings
    remote: Remote
    say: Say
    longest_s: float = 60.0
    run: machine.Run = field(default=machine.systemctl)
    _last_copy: Instant | None = field(default=None, init=False)

    @property
    def _place(self) -> Place:
        return Place.of(self.settings)

    def look(self) -> Looks:
        """Look at both machines; changes nothing.

        Raises:
            ChatmaildError: the new machine cannot be reached.
        """
        new = plan.Look.from_json(self.remote.receive("look"))
        return Looks(old=machine.look(self.settings), new=new)

    def move(self, looks: Looks) -> None:
        """Do all steps, or those that an interrupted move left.

        Raises:
            ChatmaildError: a step failed. Before the switch this machine goes on.
        """
        move = self._begin()
        if move.phase == "closed":
            self._switch(move, looks)
            return
        with raised():
            self._copy(move)
        started_s = time.monotonic()
        with deferred():  # outside of _stop: from its end on this machine is closed
            self._switch(self._stop(move), looks)
        self.say(f"logins were refused for {time.monotonic() - started_s:.1f} s")

    def recover(self) -> None:
        """Start what an interrupted move left stopped."""
        move = self._place.load()
        daemons = [*machine.SERVICES, machine.POSTFIX]
        if move is not None and move.phase == "copying" and machine.stopped(daemons):
            self._go_on()

    def _begin(self) -> Move:
        move = self._place.load()
        if move is None or not move.is_old:
            return self._save(secrets.token_hex(8), "copying")
        if move.phase == "moved":
            raise ChatmaildError(refusal(move))
        if move.peer != self.remote.target:
            raise ChatmaildError(
                f"a move to {move.peer} has begun: repeat it, or `chatmail move --undo`"
            )
        return move

    def _save(self, number: str, phase: Phase) -> Move:
        move = Move(number=number, phase=phase, peer=self.remote.target, since_s=time.time())
        self._place.save(move)
        return move

    def _copy(self, move: Move) -> None:
        """Copy while mail flows, until a copy is short.

        Raises:
            ChatmaildError: the last copy would take longer than the operator accepts.
        """
        self.remote.receive("prepare", "--number", move.number)
        self.say("the new machine is closed, and receives")
        for _ in range(_EARLY_COPIES):
            started = Instant.now()
            for tree in trees.trees(self.settings):
                if tree.is_early:
                    self._copy_tree(tree, is_running=True)
            took_s = started.age_s()
            self._last_copy = started
            self.say(f"copied while mail flows, in {took_s:.0f} s")
            if took_s < _SHORT_S:
                break
        expected_s = took_s + _REST_S
        if expected_s > self.longest_s:
            raise ChatmaildError(
                f"logins would be refused for about {expected_s:.0f} s;"
                f" repeat at a quiet hour, or with --longest {expected_s * 1.5:.0f}"
            )

    def _stop(self, move: Move) -> Move:
        """Stop mail here, copy the rest, and close this machine."""
        with raised(), self._stopped():
            self._copy_rest()
            self._compare()
            writers = [*machine.SERVICES, machine.POSTFIX, *machine.JOBS, machine.UPGRADE]
            if running := machine.active(writers):
                raise ChatmaildError(f"{', '.join(running)} was started meanwhile: repeat the move")
            self._place.close()
            return self._save(move.number, "closed")

    @contextlib.contextmanager
    def _stopped(self) -> Iterator[None]:
        """Stop mail; if a step fails before the switch, start it again."""
        try:
            self._stop_mail()
            yield
        except BaseException:
            move = self._place.load()
            if move is not None and move.phase == "copying":
                self._go_on()
            raise

    def _stop_mail(self) -> None:
        machine.stop(machine.TIMERS, self.run)
        if machine.active([machine.UPGRADE]):  # it starts services
            raise ChatmaildError(f"{machine.UPGRADE} runs: wait for its end")
        machine.stop([*machine.JOBS, machine.POSTFIX, *machine.SERVICES], self.run)
        self.say("mail is stopped: servers and clients try again")

    def _go_on(self) -> None:
        """Start mail on this machine again; a second Ctrl-C does not interrupt this."""
        with deferred():
            self._place.open()
            machine.start([*machine.SERVICES, machine.POSTFIX, *machine.TIMERS], self.run)
        self.say("this machine goes on as before")

    def _copy_rest(self) -> None:
        for tree in trees.trees(self.settings):
            self._copy_tree(tree)
        self.say("copied what has changed, and the queue")

    def _copy_tree(self, tree: trees.Tree, *, is_running: bool = False) -> None:
        """Copy a tree: what rsync finds, and what it cannot find since the copy before."""
        again = [] if tree.is_file else list(self._suspects(tree))
        self.remote.copy(tree, is_running=is_running)
        if not tree.is_file:
            self.remote.copy_files(tree, again, is_running=is_running)

    def _suspects(self, tree: trees.Tree) -> Iterator[str]:
        if not tree.is_early:
            return trees.changed_since(tree, 0.0)
        if self._last_copy is None:
            # the new machine may have files of an earlier attempt
            return trees.dated(tree)
        return trees.changed_since(tree, self._last_copy.wall_s() - _CLOCK_MARGIN_S)

    def _compare(self) -> None:
        """Compare names, sizes, times, rights and owners of all files on both machines.

        Raises:
            ChatmaildError: they differ.
        """
        with ThreadPoolExecutor(1) as beside:
            asked = beside.submit(self.remote.receive, "inventory")
            here = trees.inventory(self.settings)
            there = asked.result()
        if there["digest"] != here.digest:
            raise ChatmaildError("the copy differs from this machine: repeat the move")
        self.say(
            f"both machines have the same {here.addresses} addresses,"
            f" {here.messages} messages and {here.queued} messages in the queue"
        )

    def _switch(self, move: Move, looks: Looks) -> None:
        """Start the new machine; this one is closed for good from then on.

        Raises:
            ChatmaildError: the new machine does not start, or does not answer.
        """
        with deferred():
            try:
                self.remote.receive("serve", "--number", move.number)
            except ChatmaildError:
                self._undo_if_unserved(move)
                raise
            why_not = self._pass_on(plan.forward_addresses(looks.old, looks.new))
            self._save(move.number, "moved")
            audit("move: this machine is closed for good, the relay moved")
            self.say("the new machine serves")
            if why_not:
                self.say(f"this machine is closed; connections are not passed on: {why_not}")
            else:
                self.say("this machine is closed, and passes connections of mail clients on")

    def _pass_on(self, addresses: list[str]) -> str:
        """Start chatmail-forward, and return why it does not run; empty if it does."""
        if not addresses:
            return "the IP address of the new machine is translated, and unknown here"
        self._place.forward_to(addresses)
        wrong = machine.start([machine.FORWARD], self.run)
        return "see journalctl -u chatmail-forward" if wrong else ""

    def _undo_if_unserved(self, move: Move) -> None:
        """Go on here if the new machine says that it has not begun to serve."""
        with contextlib.suppress(ChatmaildError):
            if self._abandoned(move):
                self._reopen()

    def _reopen(self) -> None:
        """Start mail here again after the new machine said that it does not serve."""
        # another number: whatever is asked for this one comes too late
        self._save(secrets.token_hex(8), "copying")
        self._go_on()

    def _abandoned(self, move: Move) -> bool:
        """Whether the new machine does not serve, and will not."""
        there = self.remote.receive("abandon", "--number", move.number)
        return bool(there) and there["number"] == move.number and there["phase"] == "abandoned"

    def undo(self, move: Move, *, is_gone: bool = False) -> bool:
        """Give the move up, and go on here; `is_gone`: the new machine never runs again.

        Returns:
            Whether the new machine knows, and takes part in the next move.

        Raises:
            ChatmaildError: the new machine serves, or cannot say that it does not.
        """
        if move.phase == "moved":
            raise ChatmaildError(refusal(move))
        knows = False if is_gone else self._asked_to_abandon(move)
        self._reopen()
        self._place.forget()
        audit("move: given up")
        return knows

    def _asked_to_abandon(self, move: Move) -> bool:
        try:
            knows = self._abandoned(move)
        except ChatmaildError:
            if move.phase == "copying":  # it was never asked to serve
                return False
            raise
        if move.phase == "closed" and not knows:
            raise ChatmaildError(
                f"{self.remote.target} serves already: repeat `chatmail move` to end the move"
            )
        return knows


def refusal(move: Move) -> str:
    """Return why a relay that moved cannot move again."""
    day = time.strftime("%Y-%m-%d", time.gmtime(move.since_s))
    return f"this relay moved to {move.peer} on {day}; this machine is closed for good"
