"""scripts/loss-test: sends mail during failures, and checks every message."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
import labs
from chatmail_lab import Lab
from chatmail_testkit.people.names import Account, new_accounts
from labs import CHECKOUT, LabFailedError, lab, python
from loss import clocks, plan, trouble
from loss.judge import judge
from loss.ledger import Attempt, Find, Happened, Ledger, Sight, read, write
from loss.summary import tables
from steps import say, step

DISK = "2500M"
CONFIG = Path(__file__).parents[1] / "bench" / "ours.nix"  # without rate limits
TRAFFIC = Path(__file__).with_name("traffic.py")
FILES = CHECKOUT / ".cache" / "loss-test"
SENDING_DEADLINE_S = 2400.0
HEALED_DEADLINE_S = 60.0
DRAIN_DEADLINE_S = 900.0
COLLECT_DEADLINE_S = 900.0
WATCH_DEADLINE_S = 60.0
QUEUE_POLL_S = 5.0
MESSAGES_PER_MINUTE = 910  # by default: 20,000 in 22 minutes
# counts Postfix' queue files, also while Postfix is down; a file that is not executable is
# incomplete, such as a killed smtpd leaves
QUEUED = (
    "cd /var/lib/postfix/queue && "
    "find maildrop incoming active deferred hold -type f -perm -u=x | wc -l"
)


@click.command()
@click.option("--messages", default=2000, show_default=True, help="Messages to send.")
@click.option("--minutes", type=float, help="Duration of sending; by default one per 910 messages.")
@click.option("--seed", default=1, show_default=True, help="Seed of messages, troubles and times.")
@click.option("--only", type=click.Choice(plan.KINDS), default=None, help="One kind of trouble.")
@click.option("--name", default="loss", show_default=True, help="Name of the lab.")
@click.option("--show-plan", is_flag=True, help="Print the troubles and their times only.")
def main(
    *, messages: int, minutes: float | None, seed: int, only: str | None, name: str, show_plan: bool
) -> None:
    """Check every message accepted with 250; exits 1 if one is lost, wrong or doubled.

    A doubled message is a failure unless a killed process or a cut connection explains it
    (RFC 1047). A relay that does not recover and a queue that does not drain are failures, too.
    """
    seconds = 60 * (minutes or max(4.0, messages / MESSAGES_PER_MINUTE))
    say(f"seed {seed}: {messages} messages in {seconds / 60:.1f} minutes, {only or 'all'} troubles")
    planned = plan.troubles(seed, seconds, only or "")
    if show_plan:
        for each in planned:
            say(f"    {each.begin_s:6.0f} s  {each.name}")
        return
    FILES.mkdir(parents=True, exist_ok=True)
    try:
        with (
            step("lab"),
            lab(name, plan.RELAYS, CONFIG, classics=[plan.CLASSIC], disk=DISK),
        ):
            good = Run(name, seed, messages, seconds).happens(planned)
    except (LabFailedError, subprocess.TimeoutExpired) as error:
        say(str(error))
        sys.exit(1)
    sys.exit(0 if good else 1)


class Run:
    """A run in a lab that is up; its files stay in .cache/loss-test."""

    def __init__(self, name: str, seed: int, messages: int, seconds: float) -> None:
        self._name = name
        self._lab = Lab(name)
        self._seed = seed
        self._messages = messages
        self._seconds = seconds
        names = ("users", "attempts", "sights", "troubles", "found")
        self._users, self._attempts, self._sights, self._troubles, self._found = (
            FILES / f"{each}.jsonl" for each in names
        )

    def happens(self, planned: Sequence[plan.Trouble]) -> bool:
        """Send mail during the planned troubles; print the tables, return whether none failed."""
        with step("clocks that can be moved"):
            clocks.install(self._lab, plan.RELAYS)
        with step("people"):
            write(self._users, _people(self._name))
            self._traffic(COLLECT_DEADLINE_S, "collect", self._users, self._found)
        with self._watching():
            with step(f"{self._messages} messages and {len(planned)} troubles"):
                self._send(planned)
            with step("everything runs again"):
                stuck = self._stuck()
            with step("queues become empty"):
                left = self._drained()
        with step("looking into the mailboxes"):
            self._traffic(COLLECT_DEADLINE_S, "collect", self._users, self._found)
        return self._told({"units that stay down": stuck, "queues not empty": left})

    def _send(self, planned: Sequence[plan.Trouble]) -> None:
        over, ledger = threading.Event(), Ledger(self._troubles)
        troubles = threading.Thread(target=trouble.run_all, args=(self._lab, planned, ledger, over))
        troubles.start()
        numbers = {"seed": self._seed, "count": self._messages, "seconds": self._seconds}
        options = [f"--{key}={value}" for key, value in numbers.items()]
        try:
            self._traffic(SENDING_DEADLINE_S, "send", self._users, self._attempts, *options)
        finally:
            over.set()
            troubles.join()
            ledger.close()

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        arguments = ("watch", str(self._users), str(self._sights))
        watcher = subprocess.Popen(python(self._name, str(TRAFFIC), *arguments))
        try:
            yield
        finally:
            watcher.terminate()
            watcher.wait(WATCH_DEADLINE_S)

    def _traffic(self, deadline_s: float, *arguments: object) -> None:
        command = python(self._name, str(TRAFFIC), *map(str, arguments))
        done = subprocess.run(command, check=False, timeout=deadline_s)
        if done.returncode:
            raise LabFailedError(f"traffic.py {arguments[0]} failed")

    def _stuck(self) -> list[str]:
        """Return the units that did not restart by themselves, and start them."""
        deadline_s = time.monotonic() + HEALED_DEADLINE_S
        while True:
            stuck = [(host, unit) for host in plan.RELAYS for unit in trouble.down(self._lab, host)]
            if not stuck or time.monotonic() > deadline_s:
                break
            time.sleep(1)
        for relay, unit in stuck:
            labs.output(self._name, relay, "systemctl", "reset-failed", unit)
            labs.output(self._name, relay, "systemctl", "start", unit)
        return [f"{relay}: {unit}" for relay, unit in stuck]

    def _drained(self) -> list[str]:
        """Wait until all queues are empty; return those that are not after the deadline.

        Queues are not flushed: they must drain by themselves.
        """
        deadline_s = time.monotonic() + DRAIN_DEADLINE_S
        told: dict[str, int] = {}
        while True:
            queued = {host: _queued(self._name, host) for host in plan.HOSTS}
            if queued != told:
                say("    queued: " + ", ".join(f"{host} {n}" for host, n in queued.items()))
            told = queued
            left = [host for host, count in queued.items() if count]
            if not left or time.monotonic() > deadline_s:
                break
            time.sleep(QUEUE_POLL_S)
        for host in left:
            say(labs.output(self._name, host, "postqueue", "-p"))
        return [f"{host}: {queued[host]}" for host in left]

    def _told(self, unhealed: Mapping[str, Sequence[str]]) -> bool:
        attempts, sights = read(self._attempts, Attempt), read(self._sights, Sight)
        happened = read(self._troubles, Happened)
        outcome = judge(attempts, read(self._found, Find), sights, happened)
        for line in ["", *tables(outcome, attempts, sights, happened, unhealed)]:
            say(line)
        sent = {each.message for each in attempts if each.code == 250}
        missing = self._messages - len(sent)
        say(f"{'never accepted':26}{missing:6}")
        say(f"seed {self._seed}; the ledgers are in {FILES}")
        return outcome.is_good and not any(unhealed.values()) and not missing


def _people(name: str) -> list[Account]:
    users = [account for host in plan.HOSTS for account in new_accounts(host, plan.USERS_EACH)]
    for user in users:
        if user.host == plan.CLASSIC:
            local_part = user.address.partition("@")[0]
            labs.output(name, plan.CLASSIC, "mailuser", local_part, user.password)
    return users


def _queued(name: str, host: str) -> int:
    return int(labs.output(name, host, "sh", "-c", QUEUED))


if __name__ == "__main__":
    main()
