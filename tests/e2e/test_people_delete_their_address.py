"""With address and password everybody can delete what the relay has of him, at once."""

from __future__ import annotations

import contextlib
import json
from urllib.parse import urlencode

import pytest
from imapclient.exceptions import IMAPClientError, LoginError
from support.imap import has_ended
from support.person import Person
from support.smtp import port_25, transaction
from support.target import Machine, Target
from support.waiting import wait_for
from support.web import Answer, request

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
ASLEEP_AFTER_S = 3


def test_program(alice: Person, bob: Person, target: Target) -> None:
    """JSON: mailbox and password are gone, mail to it is refused."""
    bob.sends(alice)
    alice.receives()
    alice.leaves()

    answer = _delete(target, alice, JSON, json.dumps(_credentials(alice)))

    assert (answer.status, json.loads(answer.body)) == (200, {"deleted": True})
    with port_25(target, alice.domain) as session:
        reply = transaction(session, "me@example.org", [alice.address], b"")
    assert (reply.code, "5.1.1" in reply.text) == (550, True)
    again = _delete(target, alice, JSON, json.dumps(_credentials(alice)))
    assert again.status == 403


@pytest.mark.parametrize(("password", "page"), [(None, "deleted"), ("wrong", "not-deleted")])
def test_browser(password: str | None, page: str, alice: Person, target: Target) -> None:
    """The form leads to a page that says what happened, in the form's language."""
    fields = _credentials(alice) | {"language": "pl"} | ({"password": password} if password else {})

    answer = _delete(target, alice, FORM, urlencode(fields), accept="text/html")

    assert (answer.status, answer.headers["location"]) == (303, f"/pl/{page}.html")
    assert request(target, "GET", alice.domain, f"/pl/{page}.html").status == 200


def test_nobody_else_gets_the_name(alice: Person, target: Target) -> None:
    """By a first login: neither with the old password, which other devices have, nor another."""
    alice.leaves()
    _delete(target, alice, JSON, json.dumps(_credentials(alice)))

    for password in (alice.password, "somebody else's"):
        with pytest.raises(LoginError):
            alice.logs_in(password=password)


def test_the_next_owner_finds_nothing(
    alice: Person, bob: Person, target: Target, machine: Machine
) -> None:
    """One to whom the operator gives the name."""
    bob.sends(alice)
    alice.receives()
    alice.leaves()
    _delete(target, alice, JSON, json.dumps(_credentials(alice)))

    _is_given_to_somebody_else(alice, machine)
    alice.last_uid = 0

    assert alice.inbox() == []


def test_the_old_password_is_worth_nothing(alice: Person, target: Target, machine: Machine) -> None:
    """Not even for the next owner of the name."""
    former, old = alice.imap, alice.password
    _delete(target, alice, JSON, json.dumps(_credentials(alice)))
    _is_given_to_somebody_else(alice, machine)
    next_owner = alice.logs_in()
    wait_for(lambda: has_ended(former), "the end of the former owner's session", within_s=10)
    next_owner.noop()

    with pytest.raises(LoginError):
        alice.logs_in(password=old)


def test_sessions(alice: Person, target: Target) -> None:
    """All end, those that sleep in IDLE (RFC 2177) as well as those that are busy."""
    asleep, awake = alice.logs_in(), alice.logs_in()
    asleep.select_folder("INBOX")
    asleep.idle()
    asleep.idle_check(timeout=ASLEEP_AFTER_S)

    _delete(target, alice, JSON, json.dumps(_credentials(alice)))

    wait_for(lambda: has_ended(asleep), "the end of the session that sleeps", within_s=10)
    wait_for(lambda: has_ended(awake), "the end of the other session", within_s=10)


def test_journal(alice: Person, machine: Machine, target: Target) -> None:
    """It is noted that somebody left, not who; also when a session was open and goes on."""
    _delete(target, alice, JSON, json.dumps(_credentials(alice)))
    with contextlib.suppress(IMAPClientError):
        alice.imap.noop()
        alice.imap.append("INBOX", "too late")

    journal = machine.run("journalctl", "--no-pager", "--output=cat")

    assert "deleted an address at its owner's wish" in journal
    assert alice.name not in journal


def _is_given_to_somebody_else(person: Person, machine: Machine) -> None:
    person.password = "somebody else's"
    arguments = ("address", "create", person.name, "--password-stdin")
    machine.run("chatmail", *arguments, stdin=person.password.encode())


def _credentials(person: Person) -> dict[str, str]:
    return {"address": person.address, "password": person.password}


def _delete(target: Target, person: Person, kind: str, body: str, accept: str = "*/*") -> Answer:
    headers = [("Content-Type", kind), ("Accept", accept)]
    return request(
        target, "POST", person.domain, "/account/delete", headers=headers, body=body.encode()
    )
