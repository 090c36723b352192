"""scripts/loss-test: sends mail during failures and accounts for every message."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import click
import labs
from chatmail_testkit.people.names import Account, new_accounts
from labs import CHECKOUT, LabFailedError, lab, python
from loss.ledger import Outcome, judge, read_attempts, read_finds, write_lines
from loss.trouble import RELAY_UNITS, spread, troubles
from steps import say, step

RELAYS = ("a.test", "b.test", "d.test")
CLASSIC = "c.test"
USERS_EACH = 5
DISK = "1500M"
CONFIG = Path(__file__).parents[1] / "bench" / "ours.nix"  # without rate limits
TRAFFIC = Path(__file__).with_name("traffic.py")
FILES = CHECKOUT / ".cache" / "loss-test"
SENDING_DEADLINE_S = 1800.0
RECOVERY_DEADLINE_S = 60.0
SETTLE_DEADLINE_S = 600.0
COLLECT_DEADLINE_S = 900.0
FLUSH_S = 5.0
SHOWN = 10
# counts Postfix' queue files, also while Postfix is down; a file that is not executable is
# incomplete, such as a killed smtpd leaves
QUEUED = (
    "cd /var/lib/postfix/queue && "
    "find maildrop incoming active deferred hold -type f -perm -u=x | wc -l"
)


@click.command()
@click.option("--messages", default=2000, show_default=True, help="Messages to send.")
@click.option("--seconds", default=240.0, show_default=True, help="Duration of sending.")
@click.option("--seed", default=1, show_default=True, help="Order of the failures.")
@click.option("--name", default="loss", show_default=True, help="Name of the lab.")
def main(*, messages: int, seconds: float, seed: int, name: str) -> None:
    """Account for every message accepted with 250; exits 1 if one is lost, doubled or wrong.

    SECONDS is the time over which messages are sent and failures happen; slow machines need longer.
    """
    FILES.mkdir(parents=True, exist_ok=True)
    try:
        with step("lab"), lab(name, RELAYS, CONFIG, classics=[CLASSIC], disk=DISK):
            outcome, stuck = _run(name, messages, seconds, seed)
    except (LabFailedError, subprocess.TimeoutExpired) as error:
        say(str(error))
        sys.exit(1)
    sys.exit(0 if _told(outcome, stuck) else 1)


def _run(name: str, messages: int, seconds: float, seed: int) -> tuple[Outcome, list[str]]:
    users, ledger, found = (FILES / each for each in ("users", "ledger", "found"))
    with step("people"):
        write_lines(users, _people(name))
        _traffic(name, COLLECT_DEADLINE_S, "collect", users, found)
    with step(f"{messages} messages and all sorts of trouble"):
        over = threading.Event()
        trouble = threading.Thread(
            target=spread, args=(troubles(name, RELAYS, CLASSIC, seed), seconds, over)
        )
        trouble.start()
        try:
            counts = ["--count", messages, "--seconds", seconds]
            _traffic(name, SENDING_DEADLINE_S, "send", users, ledger, *counts)
        finally:
            over.set()
            trouble.join()
    with step("everything runs again"):
        stuck = _recovered(name)
    with step("queues become empty"):
        _settle(name)
    with step("looking into the mailboxes"):
        _traffic(name, COLLECT_DEADLINE_S, "collect", users, found)
    return judge(read_attempts(ledger), read_finds(found)), stuck


def _people(name: str) -> list[Account]:
    users = [account for host in (*RELAYS, CLASSIC) for account in new_accounts(host, USERS_EACH)]
    for user in users:
        if user.host == CLASSIC:
            local_part = user.address.partition("@")[0]
            labs.output(name, CLASSIC, "mailuser", local_part, user.password)
    return users


def _traffic(name: str, deadline_s: float, *arguments: object) -> None:
    command = python(name, str(TRAFFIC), *map(str, arguments))
    done = subprocess.run(command, check=False, timeout=deadline_s)
    if done.returncode:
        raise LabFailedError(f"traffic.py {arguments[0]} failed")


def _recovered(name: str) -> list[str]:
    """Start the units that did not restart by themselves, and return them."""
    deadline_s = time.monotonic() + RECOVERY_DEADLINE_S
    while True:
        stuck = [(relay, unit) for relay in RELAYS for unit in _down(name, relay)]
        if not stuck or time.monotonic() > deadline_s:
            break
        time.sleep(1)
    for relay, unit in stuck:
        labs.output(name, relay, "systemctl", "reset-failed", unit)
        labs.output(name, relay, "systemctl", "start", unit)
    return [f"{relay}: {unit}" for relay, unit in stuck]


def _down(name: str, relay: str) -> list[str]:
    asked = labs.inside(name, relay, "systemctl", "is-active", *RELAY_UNITS)
    states = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60).stdout
    return [
        unit for unit, state in zip(RELAY_UNITS, states.split(), strict=True) if state != "active"
    ]


def _settle(name: str) -> None:
    """Wait until all queues are empty; print what is left after the deadline."""
    deadline_s = time.monotonic() + SETTLE_DEADLINE_S
    while True:
        queued = {host: _queued(name, host) for host in (*RELAYS, CLASSIC)}
        say("    queued: " + ", ".join(f"{host} {count}" for host, count in queued.items()))
        if not any(queued.values()):
            return
        if time.monotonic() > deadline_s:
            for host, count in queued.items():
                if count:
                    say(labs.output(name, host, "postqueue", "-p"))
            return
        time.sleep(FLUSH_S)


def _queued(name: str, host: str) -> int:
    return int(labs.output(name, host, "sh", "-c", f"postqueue -f; {QUEUED}"))


def _told(outcome: Outcome, stuck: Sequence[str]) -> bool:
    """Print the account; return whether nothing was lost, doubled, wrong or stuck."""
    say("")
    for what in ("accepted", "unanswered", "put off", "delivered", "bounced"):
        say(f"{what:12}{outcome.counts[what]:7}")
    for reason, count in outcome.reasons.most_common(SHOWN):
        say(f"    {count:7} bounced: {reason}")
    lists = {
        "lost": outcome.lost,
        "doubled": outcome.doubled,
        "wrong": outcome.wrong,
        "stuck": stuck,
    }
    for what, items in lists.items():
        say(f"{what:12}{len(items):7}")
        for item in items[:SHOWN]:
            say(f"    {item}")
    say("")
    say("one count for each recipient; unanswered: the connection broke, and the client sent again")
    return not any(lists.values())


if __name__ == "__main__":
    main()
