"""What the machine is asked, with fakes of its programs."""

import os
from pathlib import Path

import pytest
from chatmail_upgrade.decision import Outcome, Report
from chatmail_upgrade.history import History

from chatmail_setup.certificate import Certificate
from chatmail_setup.screen.gather import gather
from chatmail_setup.screen.view import View
from chatmail_setup.state import Phase, State


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an issued certificate, an upgrade and one IP address."""
    programs = tmp_path / "bin"
    programs.mkdir()
    script(programs / "chatmail", 'echo "the zone"')
    script(programs / "ip", """echo '[{"addr_info": [{"local": "192.0.2.2"}]}]'""")
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    success = tmp_path / "acme" / "chat.ada.example" / "acme-success"
    success.parent.mkdir(parents=True)
    success.touch()
    report = Report(outcome=Outcome.KEPT, started="2026-11-22", previous="/nix/store/a")
    History(directory=tmp_path).keep(report)
    return tmp_path


def script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def gathered(machine: Path) -> View:
    def certificate(domain: str) -> Certificate:
        return Certificate(
            domain=domain, orders=machine / "orders.json", directory=machine / "acme"
        )

    return gather(
        machine / "state.json",
        certificate=certificate,
        history=History(directory=machine),
        port=8080,
    )


def test_a_running_relay_is_asked(machine: Path) -> None:
    """For its zone, certificate and last upgrade."""
    State(phase=Phase.RUNNING, domain="chat.ada.example").save(machine / "state.json")
    made = gathered(machine)

    assert (made.zone, made.addresses) == ("the zone\n", ("192.0.2.2",))
    assert "Certificate: there is a certificate." in made.sentences
    assert "Last upgrade: 2026-11-22: kept." in made.sentences


def test_before_that_only_the_machine_is_asked(machine: Path) -> None:
    """The relay's programs are not there yet."""
    script(machine / "bin" / "chatmail", f"touch {machine}/asked")

    assert gathered(machine).addresses == ("192.0.2.2",)
    assert not (machine / "asked").exists()
