"""The part of the tour on the lab's client; prints its results as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import click
from chatmail_testkit.mail import messages
from chatmail_testkit.people.login_links import login_link
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.lab import LabTarget

TEXT = "hello from the other relay"


@click.command()
@click.argument("lab")
@click.argument("relays", nargs=2)
def main(lab: str, relays: tuple[str, str]) -> None:
    """Log in, send, receive and be refused; print each step with its time."""
    target = LabTarget(name=lab, relays=relays)
    alice, bob = (Person(target=target, domain=domain) for domain in relays)

    def first_login(person: Person) -> str:
        person.imap.noop()
        return f"{person.address} exists from now on"

    def sent() -> str:
        alice.sends(bob, text=TEXT)
        return "250, accepted, DKIM-signed on its way out"

    def received() -> str:
        letter = bob.receives(within_s=30)
        return f"decrypted: “{letter.text}”; Subject {letter.headers['Subject']}"

    def refused() -> str:
        reply = alice.submits(messages.plain(alice.address, [bob.address]), bob)
        return f"{reply.code} {reply.text}"

    rows = [
        _timed(f"first login at {relays[0]}", lambda: first_login(alice)),
        _timed(f"first login at {relays[1]}", lambda: first_login(bob)),
        _timed("SMTP login", lambda: str(alice.smtp.noop().code)),
        _timed(f"encrypted message to {relays[1]}", sent),
        _timed("until it was on Bob's screen", received),
        _timed("the same in plain text", refused),
    ]
    for person in (alice, bob):
        person.leaves()
    links = [login_link(target, domain) for domain in relays]
    print(json.dumps({"rows": rows, "links": links}))


def _timed(title: str, work: Callable[[], str]) -> tuple[str, float, str]:
    start_s = time.perf_counter()
    outcome = work()
    return title, 1000 * (time.perf_counter() - start_s), outcome


if __name__ == "__main__":
    main()
