"""An invite link gives an address: a POST to `/new` returns credentials."""

from __future__ import annotations

import json

import pytest
from chatmail_testkit.mail.sessions import imap_session
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Target
from chatmail_testkit.web.client import request

PATHS = ["/new", "/cgi-bin/newemail.py"]  # the second is in printed QR codes


@pytest.mark.parametrize("path", PATHS)
def test_post_returns_working_credentials(path: str, target: Target, relay: str) -> None:
    """The answer holds credentials that log in."""
    answer = request(target, "POST", relay, path)
    assert answer.status == 200, answer.body
    given = json.loads(answer.body)

    session = imap_session(target, relay)
    session.login(given["email"], given["password"])

    assert session.select_folder("INBOX")
    session.logout()
    name, _, domain = given["email"].partition("@")
    assert (9, relay) == (len(name), domain)


def test_every_answer_is_unique(target: Target, relay: str) -> None:
    """No two answers hold the same address or password."""
    given = [json.loads(request(target, "POST", relay, "/new").body) for _ in range(4)]

    assert len({one["email"] for one in given}) == len(given)
    assert len({one["password"] for one in given}) == len(given)


@pytest.mark.parametrize("path", PATHS)
def test_get_redirects_to_the_client(path: str, target: Target, relay: str) -> None:
    """A browser is redirected to a `dcaccount:` link."""
    answer = request(target, "GET", relay, path)

    assert answer.status == 301
    assert answer.headers["location"].startswith(f"dcaccount:https://{relay}/")


def test_the_first_login_creates_the_mailbox(target: Target, relay: str, alice: Person) -> None:
    """Unused credentials leave no mailbox."""
    machine = target.machine(relay)
    if machine is None:
        pytest.skip("needs the inside of the relay")
    given = json.loads(request(target, "POST", relay, "/new").body)

    listed = machine.run("ls", "/var/lib/chatmail/mail")

    assert given["email"] not in listed
    assert alice.address in listed
