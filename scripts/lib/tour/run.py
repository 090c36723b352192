"""scripts/try: starts two relays, sends a message between them, and shows further commands."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

import click
import labs
import segno
from steps import say, step

NAME = os.environ.get("CHATMAIL_LAB", "lab")  # same default as scripts/lab
LAB = os.environ.get("CHATMAIL_LAB_COMMAND", "scripts/lab")  # the flake's apps set another one
RELAYS = ("a.test", "b.test")
CLIENT = Path(__file__).with_name("client.py")
CONFIG = Path(__file__).with_name("lab.nix")
DEADLINE_S = 120


class Walked(TypedDict):
    """The output of client.py: title, milliseconds and result of each step; login links."""

    rows: list[tuple[str, float, str]]
    links: list[str]


@click.command()
@click.option("--once", is_flag=True, help="Take the relays down at the end.")
def main(*, once: bool) -> None:
    """Start two relays, send a message between them, and show the times."""
    try:
        with contextlib.ExitStack() as stack:
            with step(
                f"two relays, {RELAYS[0]} and {RELAYS[1]}, with their own name server and CA"
            ):
                if once:
                    stack.enter_context(labs.lab(NAME, RELAYS, CONFIG))
                else:
                    labs.up(NAME, RELAYS, CONFIG)
            with step("Alice at one relay writes to Bob at the other"):
                walked = _walk()
            _show(walked)
            if not once:
                _tell_how_to_go_on(walked["links"])
    except (labs.LabFailedError, subprocess.TimeoutExpired) as error:
        sys.exit(f"{error}\nsee `{LAB} logs {RELAYS[0]}`; `{LAB} down` takes all down")
    if once:
        say("All went well, and the relays are down again.")


def _walk() -> Walked:
    done = subprocess.run(
        labs.python(NAME, str(CLIENT), NAME, *RELAYS),
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    if done.returncode:
        raise labs.LabFailedError(done.stderr.strip())
    walked: Walked = json.loads(done.stdout)
    return walked


def _show(walked: Walked) -> None:
    say("")
    for title, elapsed_ms, outcome in walked["rows"]:
        say(f"  {title:36}{elapsed_ms:8.0f} ms   {outcome}")
    invite = f"DCACCOUNT:https://{RELAYS[0]}/new"
    say(f"\nInvite link of {RELAYS[0]}: {invite}")
    say("Scan or tap it with Delta Chat to get an address, without a form.\n")
    segno.make(invite, error="m").terminal(compact=True)


def _tell_how_to_go_on(links: list[str]) -> None:
    say(
        f"""
The relays are up; only this machine's lab network reaches them. To go on:
  {LAB} exec client deltachat-desktop       a client inside the lab, if installed here;
                                                  in it, “use other server”, paste one of:
    {links[0]}
    {links[1]}
  {LAB} exec {RELAYS[0]} chatmail dns             the DNS records of a relay
  {LAB} logs {RELAYS[0]}                         what it does
  {LAB} down                                takes everything down"""
    )


if __name__ == "__main__":
    main()
