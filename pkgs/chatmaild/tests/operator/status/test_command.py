"""`chatmail status`, run in this process."""

import json
import os
import pathlib
import time
from collections.abc import Callable

import pytest

from chatmaild.address import parse_address
from chatmaild.operator.selftest.machine import units
from chatmaild.operator.selftest.machine.units import Unit
from chatmaild.operator.status import queue, state
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes

Chatmail = Callable[..., tuple[int, list[str]]]

ACCOUNT = parse_address("alice1234@chat.example.org")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """All units run, and the queue is empty; a test changes `active` and `listing`."""
    told = {"active": "active", "listing": ""}
    monkeypatch.setattr(
        units,
        "states",
        lambda names: [Unit(name=name, active=told["active"]) for name in names],
    )
    monkeypatch.setattr(queue, "listing", lambda: told["listing"])
    return told


def test_people_and_tests_are_counted_apart(chatmail: Chatmail, mailboxes: Mailboxes) -> None:
    """Addresses that begin with ci- belong to automatic tests."""
    mailboxes.create(ACCOUNT, "hash", now_s=time.time())
    mailboxes.create(parse_address("ci-123456@chat.example.org"), "hash", now_s=time.time())

    assert "addresses      2: 1 of people, 1 of tests" in chatmail("status")[1]


def test_a_given_certificate_that_is_not_used_is_told(
    chatmail: Chatmail, settings: Settings
) -> None:
    """While every unit is active, nothing else tells."""
    problem = pathlib.Path(settings.directories.tls) / "problem"
    problem.write_text("/c.pem and /k.pem do not belong together\n")

    code, lines = chatmail("status")

    assert code == 1
    assert "certificate    /c.pem and /k.pem do not belong together" in lines
    assert "wrong: certificate: /c.pem and /k.pem do not belong together" in lines


@pytest.mark.parametrize(("most", "told"), [("128", True), ("65535", False)])
def test_what_a_container_may_not_is_told(
    chatmail: Chatmail,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
    most: str,
    told: bool,
) -> None:
    """Its host sets the limits of the kernel."""
    (tmp_path / "instances").write_text(f"{most}\n")
    monkeypatch.setattr(state, "WATCHES", tmp_path / "instances")

    assert told == any("sessions can wait at a time" in line for line in chatmail("status")[1])


def test_a_stopped_unit_is_wrong(chatmail: Chatmail, machine: dict[str, str]) -> None:
    """In a sentence, with its repair; the exit code says it, too."""
    machine["active"] = "failed"

    code, lines = chatmail("status")

    assert code == 1
    assert any(line.startswith("wrong: postfix is failed") for line in lines)
    assert any(line.startswith("  repair: systemctl restart postfix") for line in lines)


def test_programs_read_json(chatmail: Chatmail) -> None:
    """The same, with what is wrong as a list."""
    code, lines = chatmail("status", "--json")

    document = json.loads("\n".join(lines))

    assert document["domain"] == "chat.example.org"
    assert document["well"] == (code == 0)
    assert document["problems"] == [] or document["problems"][0].keys() == {"sentence", "repair"}
    assert "listing" not in document


@pytest.mark.parametrize("no_color", [None, "1"])
def test_there_are_colours_on_a_terminal_alone(
    chatmail: Chatmail,
    machine: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    no_color: str | None,
) -> None:
    """And not with NO_COLOR."""
    machine["active"] = "failed"
    assert not any("\x1b" in line for line in chatmail("status")[1])

    monkeypatch.setattr("click.utils.should_strip_ansi", lambda _, color: color is False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)

    assert any("\x1b" in line for line in chatmail("status")[1]) == (no_color is None)


def test_watch_shows_it_again_until_it_is_interrupted(
    chatmail: Chatmail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends it without an error."""
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("chatmaild.operator.status.command.time.sleep", sleep)

    code, lines = chatmail("status", "--watch")

    assert code == 0
    assert sum(line.startswith("relay ") for line in lines) == 2


def test_no_mailbox_is_looked_into(
    chatmail: Chatmail, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 200,000 addresses one stat each would take seconds: only names are read."""
    for number in range(300):
        (pathlib.Path(settings.directories.mail) / f"{number:09}@chat.example.org").mkdir()
    real, looked = os.stat, []

    def stat(path: object, *args: object, **options: object) -> os.stat_result:
        if "@" in str(path):
            looked.append(path)
        return real(path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", stat)

    assert "addresses      300: 300 of people, 0 of tests" in chatmail("status")[1]
    assert looked == []
