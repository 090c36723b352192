"""Facts of this machine, and its units."""

import json

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.move import machine, plan
from chatmaild.operator.move.state import Move, Place
from chatmaild.settings import Settings

from .conftest import Systemd


@pytest.mark.usefixtures("mailbox")
def test_facts(settings: Settings, systemd: Systemd) -> None:
    """They survive the way through JSON."""
    Place.of(settings).save(Move(number="a", phase="copying", peer="b", since_s=0.0))
    found = machine.look(settings)

    assert plan.Look.from_json(json.loads(machine.as_json(found))) == found
    assert (found.addresses, found.messages) == (1, 2)
    assert found.move == {"number": "a", "phase": "copying"}
    assert found.wrong_units == ()
    assert found.is_root


def test_units_that_do_not_run(settings: Settings, systemd: Systemd) -> None:
    """A closed machine has none; an upgrade must end first."""
    systemd.active.discard("dovecot")
    assert machine.look(settings).wrong_units == ("dovecot is inactive: start it",)
    Place.of(settings).close()
    assert machine.look(settings).wrong_units == ()
    systemd.active.add(machine.UPGRADE)
    assert machine.look(settings).wrong_units == (f"{machine.UPGRADE} runs: wait for its end",)


def test_start_tells_what_does_not_run(systemd: Systemd) -> None:
    """Without units there is nothing to do."""
    systemd.active.clear()
    systemd.broken = {"dovecot"}

    assert machine.start(["dovecot", "postfix"], systemd) == ["dovecot"]
    systemd.commands.clear()
    assert machine.start([], systemd) == []
    machine.stop([], systemd)
    assert systemd.commands == []


def test_a_systemctl_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the first line of what it says."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OSError, match="systemctl"):
        machine.systemctl(["stop", "x"])


def test_errors_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """A unit that is unknown to systemd."""
    from pathlib import Path

    directory = Path(str(tmp_path))
    program = directory / "systemctl"
    program.write_text("#!/bin/sh\necho first >&2\necho second >&2\nexit 5\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")

    with pytest.raises(ChatmaildError, match=r"^systemctl stop: first$"):
        machine.systemctl(["stop", "x"])
