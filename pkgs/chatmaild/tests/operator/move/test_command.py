"""What the operator reads, and exit codes."""

import json
import pathlib
from typing import Any

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.move import command, machine
from chatmaild.operator.move.remote import Remote
from chatmaild.operator.move.state import Move, Phase, Place
from chatmaild.settings import Settings

from ..conftest import Chatmail
from .conftest import MakeLook, NewMachine, Systemd


@pytest.fixture
def said(
    there: NewMachine, look: MakeLook, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """What is printed; both machines are the same."""
    there.answers["receive look"] = json.loads(machine.as_json(look()))
    monkeypatch.setattr(machine, "look", lambda _: look(addresses=2, messages=3))
    monkeypatch.setattr(command, "Remote", lambda target: Remote(target, there))
    monkeypatch.setattr(command, "Mover", _mover(systemd))
    return []


def _mover(systemd: Systemd) -> Any:
    def make(**fields: Any) -> Any:
        from chatmaild.operator.move.steps import Mover

        return Mover(run=systemd, **fields)

    return make


def test_a_dry_run(
    settings: Settings, said: list[str], there: NewMachine, systemd: Systemd
) -> None:
    """All of it, and nothing is changed."""
    code = command.run(settings, "root@new.test", dry_run=True, longest_s=60, say=said.append)

    assert code == 0
    assert said[0].startswith("to move: 2 addresses, 3 messages (0 MiB), 0 messages in the queue")
    assert said[-1] == "nothing was changed"
    assert any("lower the TTL of chat.example.org" in line for line in said)
    assert len(there.commands) == 1
    assert systemd.commands == []
    assert Place.of(settings).load() is None


def test_a_dry_run_with_problems(settings: Settings, said: list[str], there: NewMachine) -> None:
    """Exit code 1; without --dry-run they are the error."""
    there.answers["receive look"]["addresses"] = 5
    code = command.run(settings, "root@new.test", dry_run=True, longest_s=60, say=said.append)

    assert code == 1
    assert "problem: the new machine is not empty: 5 addresses" in "\n".join(said)
    with pytest.raises(ChatmaildError, match="not empty"):
        command.run(settings, "root@new.test", dry_run=False, longest_s=60, say=said.append)
    assert Place.of(settings).load() is None


def test_a_move(settings: Settings, said: list[str], there: NewMachine) -> None:
    """The selftest of the new machine decides the exit code; DNS is told at the end."""
    from chatmaild.operator.move import trees

    failed = {"name": "login", "sentence": "logins fail", "verdict": "failed"}
    passed = {"name": "units", "sentence": "all run", "verdict": "ok"}
    there.answers |= {
        "receive inventory": {"digest": trees.inventory(settings).digest},
        "selftest": {"checks": [passed, failed]},
    }
    there.answers["receive look"]["addresses_by_type"] = {"A": "192.0.2.2"}
    code = command.run(settings, "root@new.test", dry_run=False, longest_s=60, say=said.append)

    assert code == 1
    assert "selftest on the new machine: login: logins fail" in said
    assert "then change in DNS: chat.example.org. A 192.0.2.2 (instead of 192.0.2.1)" in said
    state = Place.of(settings).load()
    assert state is not None
    assert state.phase == "moved"


@pytest.mark.parametrize("phase", ["receiving", "abandoned"])
def test_a_machine_that_only_has_a_copy(
    settings: Settings, said: list[str], there: NewMachine, systemd: Systemd, phase: Phase
) -> None:
    """The relay is somewhere else: a move from here would make a second one."""
    place = Place.of(settings)
    before = Move(number="a", phase=phase, peer="", since_s=0.0)
    place.save(before)
    place.close()
    for dry_run in (True, False):
        with pytest.raises(ChatmaildError, match="closed: it receives a relay"):
            command.run(settings, "root@c.test", dry_run=dry_run, longest_s=60, say=said.append)

    assert place.load() == before
    assert place.is_closed
    assert there.commands == []
    assert systemd.commands == []


def test_undo_without_a_move(settings: Settings, said: list[str]) -> None:
    """And on the new machine."""
    with pytest.raises(ChatmaildError, match="no move from this machine"):
        command.undo(settings, say=said.append)
    Place.of(settings).save(Move(number="a", phase="receiving", peer="", since_s=0.0))
    with pytest.raises(ChatmaildError, match="no move from this machine"):
        command.undo(settings, say=said.append)


def test_undo_when_the_new_machine_is_gone(
    settings: Settings, said: list[str], there: NewMachine, systemd: Systemd
) -> None:
    """It died before it said whether it serves; the operator says that it never will."""
    place = Place.of(settings)
    place.save(Move(number="a", phase="closed", peer="root@new.test", since_s=0.0))
    place.close()
    systemd.active.clear()
    there.codes["receive abandon"] = 255
    with pytest.raises(ChatmaildError, match="it said no"):
        command.undo(settings, say=said.append)
    there.commands.clear()

    assert command.undo(settings, is_gone=True, say=said.append) == 0
    assert there.commands == []
    assert not place.is_closed
    assert place.load() is None
    assert {*machine.SERVICES, machine.POSTFIX} <= systemd.active


def test_no_way_back_after_the_move(settings: Settings, said: list[str]) -> None:
    """Even if the new machine is gone: this one is older than what people have seen."""
    Place.of(settings).save(Move(number="a", phase="moved", peer="root@new.test", since_s=0.0))
    with pytest.raises(ChatmaildError, match="closed for good"):
        command.undo(settings, is_gone=True, say=said.append)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["move"], 2, "name the new machine"),
        (["move", "--undo", "x"], 2, "--undo takes no TARGET"),
        (["move", "--yes", "new"], 1, "run this as root"),
        (["move", "--dry-run", "new"], 1, "run this as root"),
        (["move", "--undo"], 1, "run this as root"),
        (["move", "--new-is-gone", "new"], 2, "--new-is-gone needs --undo"),
        (["move", "--undo", "--new-is-gone", "--yes"], 1, "run this as root"),
        (["receive", "serve", "--number", "a"], 1, "run this as root"),
        (["receive", "prepare"], 2, "Missing option '--number'"),
    ],
)
def test_the_command_line(chatmail: Chatmail, arguments: list[str], code: int, said: str) -> None:
    """One line, and an exit code."""
    ended, lines = chatmail(*arguments)

    assert ended == code
    assert said in lines[-1]


def test_the_inventory_is_json(chatmail: Chatmail, mailbox: pathlib.Path) -> None:
    """The old machine reads it."""
    code, lines = chatmail("receive", "inventory")

    assert code == 0
    assert json.loads(lines[0])["messages"] == 2


@pytest.mark.parametrize("phase", ["moved", "receiving"])
@pytest.mark.parametrize(
    "line",
    [
        *("address create", "address passwd a@b", "address delete a@b", "address disable a@b"),
        *("address enable a@b", "address import .", "registration open", "registration close"),
        *("invite create", "invite revoke a", "domains block a.test", "domains only a.test"),
        *("domains remove a.test", "notice set hello", "notice clear"),
        *("backup restore", "import ."),
    ],
)
def test_a_closed_machine_changes_nothing(
    chatmail: Chatmail, settings: Settings, line: str, phase: Phase
) -> None:
    """The other machine would not know; what is here is deleted, or replaced."""
    place = Place.of(settings)
    place.save(Move(number="a", phase=phase, peer="root@new.test", since_s=0.0))
    place.close()

    code, lines = chatmail(*line.split())
    assert code == 1
    assert lines[-1].startswith("error: this machine is closed: ")
    assert chatmail("address", "list") == (0, [])
