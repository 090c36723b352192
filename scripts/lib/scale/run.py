"""scripts/scale: times the operator's commands on a relay with many addresses and messages."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import labs
from labs import CHECKOUT, LabFailedError, output
from steps import say, step

RELAY: Final = "a.test"
CONFIG: Final = CHECKOUT / "tests" / "e2e" / "lab.nix"  # with metrics
FILL: Final = Path(__file__).with_name("fill.py")
MAIL: Final = "/var/lib/chatmail/mail"
FILL_DEADLINE_S: Final = 1800.0
COMMAND_DEADLINE_S: Final = 900.0
# on the relay: the durations of a shell command, and its last exit code
TIMES: Final = """
import json, subprocess, sys, time
times = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    code = subprocess.run(["sh", "-c", sys.argv[1]], stdout=subprocess.DEVNULL).returncode
    times.append(time.perf_counter() - start)
print(json.dumps([sorted(times), code]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A command with its goal in seconds; None has no goal."""

    name: str
    command: str
    most_s: float | None
    times: int = 1
    # exit codes; `chatmail status` exits 1 if it finds a problem
    good: tuple[int, ...] = (0,)


ROWS: Final = (
    Row(name="chatmail status", command="chatmail status", most_s=1, times=5, good=(0, 1)),
    Row(name="chatmail address list", command="chatmail address list", most_s=2, times=3),
    Row(name="chatmail address list --json", command="chatmail address list --json", most_s=None),
    Row(
        name="metrics",
        command="curl -sS --fail http://127.0.0.1:8700/metrics",
        most_s=0.05,
        times=9,
    ),
    Row(name="hourly count of addresses", command="systemctl start chatmail-count", most_s=None),
    Row(name="daily deletion of old mail", command="systemctl start chatmail-expire", most_s=None),
    Row(
        name="chatmail backup create, without mail",
        command="echo secret > /run/password && chatmail backup create --no-mail --init"
        " --repository /root/backup --password-file /run/password",
        most_s=60,
    ),
)


@click.command()
@click.option("--addresses", default=200_000, show_default=True, help="Addresses to make.")
@click.option("--messages", default=1_000_000, show_default=True, help="Messages to make.")
@click.option("--name", default="scale", show_default=True, help="Name of the lab.")
@click.option("--keep", is_flag=True, help="Do not take the lab down at the end.")
@click.option("--again", is_flag=True, help="Measure in a lab that --keep left.")
def main(*, addresses: int, messages: int, name: str, keep: bool, again: bool) -> None:
    """Print the duration of each command; exits 1 if one misses its goal."""
    try:
        with contextlib.ExitStack() as at_the_end:
            if not keep:
                at_the_end.callback(labs.down, name)
            if not again:
                labs.up(name, (RELAY,), CONFIG)
                _fill(name, addresses, messages)
            missed = [row for row in ROWS if not _reached(name, row)]
    except LabFailedError as error:
        sys.exit(str(error))
    sys.exit(1 if missed else 0)


def _fill(name: str, addresses: int, messages: int) -> None:
    with step(f"{addresses} addresses, {messages} messages"):
        arguments = ("python3", "-", MAIL, RELAY, str(addresses), str(messages))
        output(name, RELAY, *arguments, stdin=FILL.read_text(), timeout_s=FILL_DEADLINE_S)


def _reached(name: str, row: Row) -> bool:
    """Time a command, print the median, and compare it with its goal."""
    if "chatmail backup" in row.command and not _has_backup(name):
        say(f"{row.name}: there is no such command yet")
        return True
    arguments = ("-c", TIMES, row.command, str(row.times))
    answer = output(name, RELAY, "python3", *arguments, timeout_s=COMMAND_DEADLINE_S)
    times_s, code = json.loads(answer)
    median_s = times_s[len(times_s) // 2]
    goal = "" if row.most_s is None else f" (goal: {row.most_s:g} s)"
    failed = "" if code in row.good else f", exit code {code}"
    say(f"{row.name}: {median_s:.3f} s{goal}{failed}")
    return not failed and (row.most_s is None or median_s <= row.most_s)


def _has_backup(name: str) -> bool:
    return " backup " in output(name, RELAY, "chatmail", "--help")


if __name__ == "__main__":
    main()
