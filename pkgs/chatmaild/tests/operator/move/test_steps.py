"""The order of the steps, and what happens when one fails."""

import pathlib
import signal
from collections.abc import Sequence

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.move import machine, steps, trees
from chatmaild.operator.move.instant import Instant
from chatmaild.operator.move.remote import Remote
from chatmaild.operator.move.state import Move, Place
from chatmaild.operator.move.steps import Looks, Mover
from chatmaild.settings import Settings

from .conftest import MakeLook, NewMachine, Systemd

DAEMONS = {*machine.SERVICES, machine.POSTFIX}


@pytest.fixture
def place(settings: Settings) -> Place:
    """The state of the old machine."""
    return Place.of(settings)


@pytest.fixture
def looks(look: MakeLook) -> Looks:
    """Two machines."""
    return Looks(old=look(), new=look(addresses_by_type={"A": "192.0.2.2", "AAAA": "2001:db8::2"}))


@pytest.fixture
def mover(
    settings: Settings,
    remote: Remote,
    there: NewMachine,
    systemd: Systemd,
    mailbox: pathlib.Path,
    said: list[str],
) -> Mover:
    """The old machine, and a new one that does what it is asked."""
    digest = trees.inventory(settings).digest
    there.answers |= {
        "receive inventory": {"digest": digest},
        "receive abandon": {"number": "", "phase": "receiving"},
    }
    return Mover(settings=settings, remote=remote, run=systemd, say=said.append)


@pytest.fixture
def said() -> list[str]:
    """What the operator reads."""
    return []


def test_a_move(
    mover: Mover,
    looks: Looks,
    place: Place,
    there: NewMachine,
    systemd: Systemd,
    said: list[str],
) -> None:
    """Copy, stop, copy, compare, close, start there."""
    mover.move(looks)

    move = place.load()
    assert move is not None
    assert (move.phase, move.peer) == ("moved", "root@new.test")
    assert place.is_closed
    assert systemd.active == {machine.FORWARD}
    assert place.forward.read_text() == "192.0.2.2\n2001:db8::2\n"
    order = [there.asked(word) for word in ("prepare", "rsync", "inventory", "serve")]
    assert max(order[0]) < min(order[1])
    assert max(order[1]) < min(order[2]) < min(order[3])
    assert all(move.number in there.commands[number] for number in there.asked("serve"))
    assert said[-1].startswith("logins were refused for 0.")


def test_it_is_closed_before_the_new_machine_starts(
    mover: Mover, looks: Looks, place: Place, there: NewMachine
) -> None:
    """Never are both open; if nobody knows whether the new one serves, this one stays closed."""
    there.codes["receive serve"] = 255
    there.codes["receive abandon"] = 255

    with pytest.raises(ChatmaildError, match="it said no"):
        mover.move(looks)

    move = place.load()
    assert move is not None
    assert move.phase == "closed"
    assert place.is_closed
    with pytest.raises(ChatmaildError, match="it said no"):
        mover.undo(move)
    there.codes.clear()
    there.commands.clear()
    mover.move(looks)  # goes on where it ended
    assert there.asked("rsync") == []
    assert len(there.asked(f"serve --number {move.number}")) == 1
    after = place.load()
    assert after is not None
    assert after.phase == "moved"


def test_a_new_machine_that_does_not_start(
    mover: Mover, looks: Looks, place: Place, there: NewMachine, systemd: Systemd, said: list[str]
) -> None:
    """This one goes on, and later requests for that move come too late."""
    there.codes["receive serve"] = 1
    there.answers["receive abandon"] = lambda line: {
        "number": line.rpartition(" ")[2],
        "phase": "abandoned",
    }
    with pytest.raises(ChatmaildError, match="it said no"):
        mover.move(looks)

    assert not place.is_closed
    assert systemd.active >= DAEMONS
    assert "this machine goes on as before" in said
    move = place.load()
    assert move is not None
    assert move.phase == "copying"
    (asked,) = there.asked("receive serve")
    assert move.number not in there.commands[asked]


@pytest.mark.parametrize("broken", ["rsync", "inventory"])
def test_a_step_that_fails(
    mover: Mover, looks: Looks, place: Place, there: NewMachine, systemd: Systemd, broken: str
) -> None:
    """Before the switch this machine goes on; nothing is asked of the new one."""
    there.answers["receive inventory"] = {"digest": "another"}
    if broken == "rsync":
        there.codes["rsync"] = 12

    with pytest.raises(ChatmaildError, match=r"rsync ended|differs"):
        mover.move(looks)

    assert not place.is_closed
    assert systemd.active >= DAEMONS
    assert there.asked("serve") == []
    move = place.load()
    assert move is not None
    assert move.phase == "copying"
    mover.undo(move)
    assert place.load() is None


@pytest.mark.parametrize("code", [0, 255])
def test_undo_tells_the_new_machine(
    mover: Mover, place: Place, there: NewMachine, code: int
) -> None:
    """So that it takes part in the next move; if it is not reached, this machine goes on, too."""
    move = Move(number="a", phase="copying", peer="root@new.test", since_s=0.0)
    place.save(move)
    there.answers["receive abandon"] = {"number": "a", "phase": "abandoned"}
    there.codes["receive abandon"] = code

    assert mover.undo(move) == (code == 0)
    assert place.load() is None


def test_a_service_that_somebody_starts(
    mover: Mover, looks: Looks, place: Place, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it writes would be lost."""
    compare = Mover._compare

    def somebody(self: Mover) -> None:
        compare(self)
        systemd.active.add("dovecot")

    monkeypatch.setattr(Mover, "_compare", somebody)
    with pytest.raises(ChatmaildError, match="dovecot was started meanwhile"):
        mover.move(looks)

    assert not place.is_closed
    assert systemd.active >= DAEMONS


def test_a_second_signal(
    mover: Mover, looks: Looks, place: Place, there: NewMachine, systemd: Systemd
) -> None:
    """An operator who presses Ctrl-C twice does not stop the start of mail."""
    there.codes["receive inventory"] = 1

    def run(arguments: Sequence[str]) -> None:
        if arguments[0] == "reset-failed":
            signal.raise_signal(signal.SIGINT)
        systemd(arguments)

    mover.run = run
    opened = Place.open

    def open_slowly(self: Place) -> None:
        signal.raise_signal(signal.SIGINT)
        opened(self)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Place, "open", open_slowly)
        with pytest.raises(ChatmaildError, match="it said no"):
            mover.move(looks)

    assert not place.is_closed
    assert systemd.active >= DAEMONS


def test_an_upgrade_that_began_meanwhile(
    mover: Mover, looks: Looks, place: Place, systemd: Systemd
) -> None:
    """It starts services again and again: mail is not stopped until it ends."""
    systemd.active.add(machine.UPGRADE)

    with pytest.raises(ChatmaildError, match=r"chatmail-upgrade.service runs: wait for its end"):
        mover.move(looks)

    assert not place.is_closed
    assert systemd.active >= {*DAEMONS, "chatmail-expire.timer"}
    assert not any("postfix" in line for line in systemd.commands if line.startswith("stop"))


def test_connections_are_not_passed_on_to_this_machine(
    mover: Mover, look: MakeLook, place: Place, systemd: Systemd, said: list[str]
) -> None:
    """Two machines behind translation have the same IP address: the move ends without it."""
    mover.move(Looks(old=look(), new=look()))

    assert not place.forward.exists()
    assert machine.FORWARD not in systemd.active
    assert any("connections are not passed on: the IP" in line for line in said)


def test_a_long_copy(
    mover: Mover, looks: Looks, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mail is not stopped for longer than the operator accepts."""
    monkeypatch.setattr(Instant, "age_s", lambda _: 50.0)

    with pytest.raises(ChatmaildError, match="70 s; repeat at a quiet hour, or with --longest 105"):
        mover.move(looks)

    assert systemd.commands == []


def test_a_password_that_changes_between_two_early_copies(
    mover: Mover,
    looks: Looks,
    there: NewMachine,
    mailbox: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its size and time stay, and rsync leaves the one of an earlier copy, or an earlier move."""
    monkeypatch.setattr(steps, "_SHORT_S", -1.0)  # three early copies
    monkeypatch.setattr(trees, "changed_since", lambda _, since_s: iter([str(since_s)]))
    mover.move(looks)

    asked = zip(there.commands, there.stdin, strict=True)
    place = f"-- {mailbox.parent}/ "
    names = [stdin for line, stdin in asked if "--files-from" in line and place in line]
    assert names[0].decode() == f"{mailbox.name}/password\0"
    since = [float(name.rstrip(b"\0")) for name in names[1:]]
    assert len(set(since)) == 3
    assert since == sorted(since)


def test_another_target(mover: Mover, looks: Looks, settings: Settings, place: Place) -> None:
    """A move that has begun goes on to the same machine."""
    place.save(Move(number="a", phase="copying", peer="root@third.test", since_s=0.0))

    with pytest.raises(ChatmaildError, match=r"a move to root@third.test has begun"):
        mover.move(looks)


def test_a_machine_that_received_a_relay_can_pass_it_on(
    mover: Mover, looks: Looks, place: Place
) -> None:
    """The earlier move is over."""
    place.save(Move(number="a", phase="serving", peer="", since_s=0.0))
    mover.move(looks)

    move = place.load()
    assert move is not None
    assert (move.phase, move.number == "a") == ("moved", False)


def test_after_the_move(mover: Mover, looks: Looks, place: Place, there: NewMachine) -> None:
    """No second one, and no way back."""
    mover.move(looks)
    there.commands.clear()
    move = place.load()
    assert move is not None

    with pytest.raises(ChatmaildError, match=r"moved to root@new.test on 20..-..-..; this machine"):
        mover.move(looks)
    with pytest.raises(ChatmaildError, match="closed for good"):
        mover.undo(move)
    assert there.commands == []
