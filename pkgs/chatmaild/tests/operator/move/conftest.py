"""Two machines without ssh and systemd: what was asked of them is recorded."""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from chatmaild.operator.move import machine, plan
from chatmaild.operator.move.remote import Done, Remote
from chatmaild.operator.selftest.machine import units
from chatmaild.settings import Settings

MakeLook = Callable[..., plan.Look]


class Systemd:
    """Units that start and stop; `broken` ones do not start."""

    def __init__(self) -> None:
        self.active = {*machine.SERVICES, machine.POSTFIX, "chatmail-expire.timer"}
        self.broken: set[str] = set()
        self.commands: list[str] = []

    def __call__(self, arguments: Sequence[str]) -> None:
        self.commands.append(" ".join(arguments))
        action, *names = arguments
        if action == "stop":
            self.active -= set(names)
        elif action == "start":
            self.active |= set(names) - self.broken

    def states(self, names: Sequence[str]) -> list[units.Unit]:
        """Stand in for `units.states`."""
        return [
            units.Unit(name=name, active="active" if name in self.active else "inactive")
            for name in names
        ]


class NewMachine:
    """Answers of ssh and rsync by a part of the command: JSON, or a function of the command."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.stdin: list[bytes] = []
        self.answers: dict[str, Any] = {}
        self.codes: dict[str, int] = {}

    def __call__(self, command: Sequence[str], stdin: bytes, _timeout_s: float | None) -> Done:
        line = " ".join(command)
        self.commands.append(line)
        self.stdin.append(stdin)
        word = next((word for word in (*self.codes, *self.answers) if word in line), "")
        answer = self.answers.get(word)
        if callable(answer):
            answer = answer(line)
        return Done(
            code=self.codes.get(word, 0), stdout=json.dumps(answer), stderr="error: it said no\n"
        )

    def asked(self, word: str) -> list[int]:
        """Return the positions of the commands with this word."""
        return [number for number, line in enumerate(self.commands) if word in line]


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Systemd:
    """systemd of this machine, whose user is root."""
    made = Systemd()
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(units, "states", made.states)
    for module in ("steps", "receive"):
        monkeypatch.setattr(f"chatmaild.operator.move.{module}.audit", lambda *_: None)
    return made


@pytest.fixture
def there() -> NewMachine:
    """The new machine, which answers null."""
    return NewMachine()


@pytest.fixture
def remote(there: NewMachine) -> Remote:
    """The way to it."""
    return Remote("root@new.test", there)


@pytest.fixture
def look(settings: Settings) -> MakeLook:
    """Make facts of a machine on which the relay can be."""

    def make(changed: Mapping[str, Any] | None = None, **facts: Any) -> plan.Look:
        document = json.loads(json.dumps(dataclasses.asdict(settings)))
        for path, value in (changed or {}).items():
            *sections, key = path.split(".")
            place = document
            for section in sections:
                place = place[section]
            place[key] = value
        usual: dict[str, Any] = {
            "version": "0.3.0",
            "settings": document,
            "is_root": True,
            "missing": (),
            "wrong_units": (),
            "addresses": 0,
            "messages": 0,
            "queued": 0,
            "files": 10,
            "size_bytes": 1000,
            "free_bytes": 10**12,
            "free_inodes": 10**9,
            "addresses_by_type": {"A": "192.0.2.1"},
            "move": {},
            "clock_s": 1_000_000_000.0,
        }
        return plan.Look(**(usual | facts))

    return make


@pytest.fixture
def mailbox(settings: Settings) -> pathlib.Path:
    """A mailbox with a read and an unread message."""
    directory = pathlib.Path(settings.directories.mail, "alice@chat.example.org")
    for name in ("cur", "new", "tmp"):
        (directory / name).mkdir(parents=True)
    (directory / "password").write_text("{CRYPT}old\n")
    (directory / "cur/1.M1.a,S=3:2,S").write_text("one")
    (directory / "new/2.M2.a,S=3").write_text("two")
    return directory
