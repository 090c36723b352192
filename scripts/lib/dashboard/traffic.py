"""The part of scripts/dashboard-picture on the lab's client: mail, watched by a Prometheus.

Prints the answers to the dashboard's queries as JSON.
"""

from __future__ import annotations

import contextlib
import json
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
from chatmail_testkit.mail import messages
from chatmail_testkit.peers.notifier import new_device, serving
from chatmail_testkit.people.names import new_password
from chatmail_testkit.people.person import Person, RefusedError
from chatmail_testkit.relays.lab import LabTarget
from chatmail_testkit.relays.prometheus import Prometheus, filled_in, watching
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from imapclient.exceptions import LoginError

PACKAGE: Final = Path(__file__).resolve().parents[3] / "pkgs" / "chatmail-monitoring"
REPORT: Final = "/run/chatmail-selftest/report.json"
PEOPLE: Final = 4  # of each relay
WITHIN_S: Final = 90
STEP_S: Final = 2
# longer than Grafana's, which is four times the interval between two looks: lines are calmer
WINDOW: Final = "20s"
WAVE_S: Final = 70
MOST_AT_ONCE: Final = 5
SELDOM_S: Final = 25
# timers start them once an hour, a day, a minute
COUNTS: Final = ("chatmail-count", "chatmail-expire", "chatmail-count-queue")


@click.command()
@click.argument("lab")
@click.argument("relays", nargs=2)
@click.option("--seconds", default=150, show_default=True, help="How long mail is sent.")
def main(lab: str, relays: tuple[str, str], seconds: int) -> None:
    """Send mail, and ask Prometheus everything that the dashboard asks."""
    target = LabTarget(name=lab, relays=relays)
    machine = target.machine(relays[0])
    people = [Person(target=target, domain=relay) for relay in relays for _ in range(PEOPLE)]
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(),
        watching(machine, PACKAGE / "alerts.json", Path(folder)) as prometheus,
    ):
        wait_for(lambda: prometheus.values("up == 1"), "the first look", within_s=WITHIN_S)
        start_s = time.time()
        machine.run("mkdir", "-p", str(Path(REPORT).parent))
        machine.run("systemd-run", "--collect", "chatmail", "selftest", "--report", REPORT)
        for person in people:
            new_device(person)
        _live(people, machine, seconds)
        answers = _answers(prometheus, start_s, time.time())
    print(json.dumps(answers))
    for person in people:
        person.leaves()


def _live(people: Sequence[Person], machine: Machine, seconds: int) -> None:
    """Send more and less mail in turns; count mailboxes and be refused now and then."""
    begin_s = time.monotonic()
    next_s = begin_s
    turn = 0
    while (now_s := time.monotonic()) < begin_s + seconds:
        wave = (1 - math.cos(2 * math.pi * (now_s - begin_s) / WAVE_S)) / 2
        for _ in range(1 + round(wave * (MOST_AT_ONCE - 1))):
            turn += 1
            sender, recipient = (people[n % len(people)] for n in (turn, turn * 3 + turn // 8))
            if sender is not recipient:
                with contextlib.suppress(RefusedError):
                    sender.sends(recipient)
        if now_s > next_s:
            next_s += SELDOM_S
            machine.run("systemctl", "start", *COUNTS)
            _refused(people[0], people[-1])
        time.sleep(max(0.0, now_s + 1 - time.monotonic()))


def _refused(sender: Person, recipient: Person) -> None:
    """A message that is not encrypted, a wrong password, and a name that nobody may have."""
    sender.submits(messages.plain(sender.address, [recipient.address]), recipient)
    with contextlib.suppress(LoginError):
        sender.logs_in(new_password())
    admin = Person(target=sender.target, domain=sender.domain, name="postmaster")
    with contextlib.suppress(LoginError):
        admin.logs_in()
    admin.leaves()


def _answers(prometheus: Prometheus, start_s: float, end_s: float) -> dict[str, Any]:
    """The series of each panel, one list for each of its queries."""
    panels = {}
    for panel in json.loads((PACKAGE / "dashboard.json").read_text())["panels"]:
        panels[panel["id"]] = [
            prometheus.get(
                "query_range",
                query=filled_in(target["expr"], WINDOW),
                start=start_s,
                end=end_s,
                step=STEP_S,
            )["result"]
            for target in panel.get("targets", ())
        ]
    return {"start": start_s, "end": end_s, "panels": panels}


if __name__ == "__main__":
    main()
