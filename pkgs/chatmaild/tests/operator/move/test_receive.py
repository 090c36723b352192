"""The new machine closes, and opens once."""

import pathlib

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.move import machine, receive
from chatmaild.operator.move.receive import Receiver
from chatmaild.operator.move.state import Move, Place
from chatmaild.settings import Settings

from .conftest import Systemd


@pytest.fixture
def receiver(settings: Settings, systemd: Systemd) -> Receiver:
    """An empty machine, whose services run."""
    systemd.active |= {"coturn"}
    return Receiver(settings=settings, run=systemd)


def test_it_closes(receiver: Receiver, settings: Settings, systemd: Systemd) -> None:
    """All that uses mailboxes, queue and keys; a repetition changes nothing."""
    for _ in range(2):
        assert receiver.prepare("a").phase == "receiving"

        assert Place.of(settings).is_closed
        assert systemd.active == set()


def test_it_is_not_empty(receiver: Receiver, settings: Settings, mailbox: pathlib.Path) -> None:
    """Then it stays as it is."""
    with pytest.raises(ChatmaildError, match="has addresses"):
        receiver.prepare("a")

    assert not Place.of(settings).is_closed


def test_postfix_starts_last(receiver: Receiver, settings: Settings, systemd: Systemd) -> None:
    """Before, nothing here differs from the old machine; a repetition changes nothing."""
    receiver.prepare("a")
    systemd.commands.clear()
    for _ in range(2):
        assert receiver.serve("a").phase == "serving"

    starts = [line for line in systemd.commands if line.startswith("start")]
    assert "postfix" not in starts[0]
    assert "coturn" in starts[0]
    assert "postfix" in starts[1]
    assert not Place.of(settings).is_closed
    assert {*machine.SERVICES, machine.POSTFIX} <= systemd.active


def test_a_service_that_does_not_start(
    receiver: Receiver, settings: Settings, systemd: Systemd
) -> None:
    """The machine is closed again, and the old one can go on."""
    receiver.prepare("a")
    systemd.broken = {"dovecot"}

    with pytest.raises(ChatmaildError, match="dovecot does not start"):
        receiver.serve("a")

    assert Place.of(settings).is_closed
    assert systemd.active == set()
    state = receiver.abandon("a")
    assert state is not None
    assert state.phase == "abandoned"


def test_what_is_compared_is_on_disk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old machine closes after that; this one may lose its power before it serves."""
    done: list[str] = []
    monkeypatch.setattr("os.sync", lambda: done.append("sync"))
    monkeypatch.setattr(receive, "inventory", lambda _: done.append("inventory"))
    receive.compared(settings)

    assert done == ["sync", "inventory"]


class _Died(BaseException):
    """The machine loses its power."""


def test_it_dies_while_it_opens(
    receiver: Receiver, settings: Settings, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a reboot all of it starts, so that the old machine must never go on."""
    place = Place.of(settings)
    receiver.prepare("a")
    seen = []

    def die(_names: object, _run: object) -> None:
        move = place.load()
        assert move is not None
        seen.append((move.phase, place.is_closed))
        raise _Died

    with monkeypatch.context() as patched:
        patched.setattr(machine, "start", die)
        patched.setattr(Receiver, "_close_again", lambda *_: None)
        with pytest.raises(_Died):
            receiver.serve("a")

    assert seen == [("serving", False)]
    state = receiver.abandon("a")
    assert state is not None
    assert state.phase == "serving"
    systemd.active.clear()
    assert receiver.serve("a").phase == "serving"
    assert {*machine.SERVICES, machine.POSTFIX} <= systemd.active


def test_it_dies_before_it_opens(
    receiver: Receiver, settings: Settings, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repetition opens it; if that fails, nothing was delivered here, and the old one goes on."""
    receiver.prepare("a")

    def die(_place: Place) -> None:
        raise _Died

    with monkeypatch.context() as patched:
        patched.setattr(Place, "open", die)
        with pytest.raises(_Died):
            receiver.serve("a")
    Place.of(settings).save(Move(number="a", phase="serving", peer="", since_s=0.0))
    systemd.broken = {"dovecot"}
    with pytest.raises(ChatmaildError, match="dovecot does not start"):
        receiver.serve("a")

    state = receiver.abandon("a")
    assert state is not None
    assert state.phase == "abandoned"
    assert Place.of(settings).is_closed


def test_a_service_that_fails_after_the_switch(
    receiver: Receiver, settings: Settings, systemd: Systemd
) -> None:
    """It has delivered mail, and there is no way back."""
    receiver.prepare("a")
    receiver.serve("a")
    systemd.active.discard("dovecot")
    systemd.broken = {"dovecot"}

    with pytest.raises(ChatmaildError, match="dovecot does not start"):
        receiver.serve("a")
    state = receiver.abandon("a")
    assert state is not None
    assert state.phase == "serving"
    assert not Place.of(settings).is_closed


def test_a_late_request(receiver: Receiver) -> None:
    """After the old machine went on, nothing opens this one but a new move."""
    receiver.prepare("a")
    receiver.abandon("a")

    with pytest.raises(ChatmaildError, match="no such move"):
        receiver.serve("a")
    receiver.prepare("b")
    with pytest.raises(ChatmaildError, match="no such move"):
        receiver.serve("a")
    assert receiver.serve("b").phase == "serving"


def test_it_serves_already(receiver: Receiver) -> None:
    """It neither goes back nor takes another relay."""
    receiver.prepare("a")
    receiver.serve("a")

    state = receiver.abandon("a")
    assert state is not None
    assert state.phase == "serving"
    for number in ("a", "b"):
        with pytest.raises(ChatmaildError, match="it is serving"):
            receiver.prepare(number)
