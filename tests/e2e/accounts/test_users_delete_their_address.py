"""Users delete their address and its mailbox with address and password."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
from chatmail_testkit.mail.imap import Imap
from chatmail_testkit.mail.reply import transaction
from chatmail_testkit.mail.sessions import port_25
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import ANSWER_S, wait_for
from chatmail_testkit.web.client import Answer, request
from imapclient.exceptions import IMAPClientError, LoginError

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
ASLEEP_AFTER_S = 3


@pytest.fixture(autouse=True)
def _no_crash(machine: Machine) -> Iterator[None]:
    """No session ends by a signal: others share its process."""
    begun_s = time.time()
    yield
    crashed = [line for line in machine.logs(begun_s).splitlines() if "killed with signal" in line]
    assert crashed == []


def test_json_request_deletes_it(alice: Person, bob: Person, target: Target) -> None:
    """Mailbox and password are deleted; mail to the address is refused."""
    bob.sends(alice)
    alice.receives()
    alice.leaves()

    answer = _delete(target, alice, JSON, json.dumps(_credentials(alice)))

    assert (answer.status, json.loads(answer.body)) == (200, {"deleted": True})
    # each front of several machines knows an address for 2 s
    wait_for(lambda: _is_unknown(target, alice), "a refusal of mail to the address")
    again = _delete(target, alice, JSON, json.dumps(_credentials(alice)))
    assert again.status == 403


@pytest.mark.parametrize(("password", "page"), [(None, "deleted"), ("wrong", "not-deleted")])
def test_form_redirects_to_the_result(
    password: str | None, page: str, alice: Person, target: Target
) -> None:
    """The form redirects to a page with the result in the form's language."""
    fields = _credentials(alice) | {"language": "pl"} | ({"password": password} if password else {})

    answer = _delete(target, alice, FORM, urlencode(fields), accept="text/html")

    assert (answer.status, answer.headers["location"]) == (303, f"/pl/{page}.html")
    assert request(target, "GET", alice.domain, f"/pl/{page}.html").status == 200


def test_no_login_recreates_it(alice: Person, target: Target) -> None:
    """Neither the old password, which other devices have, nor another one."""
    alice.leaves()
    _delete(target, alice, JSON, json.dumps(_credentials(alice)))

    for password in (alice.password, "somebody else's"):
        with pytest.raises(LoginError):
            alice.logs_in(password=password)


def test_a_new_owner_finds_an_empty_mailbox(
    alice: Person, bob: Person, target: Target, machine: Machine
) -> None:
    """The operator can give the name to another user, who sees no old mail."""
    bob.sends(alice)
    alice.receives()
    alice.leaves()
    _delete(target, alice, JSON, json.dumps(_credentials(alice)))

    _gets_another_owner(alice, machine)
    alice.last_uid = 0

    assert alice.inbox() == []


def test_the_old_password_is_refused(alice: Person, target: Target, machine: Machine) -> None:
    """It stays invalid after the name has a new owner."""
    former, old = alice.imap, alice.password
    _delete(target, alice, JSON, json.dumps(_credentials(alice)))
    _gets_another_owner(alice, machine)
    next_owner = alice.logs_in()
    wait_for(lambda: former.has_ended(), "the end of the former owner's session")
    next_owner.noop()

    with pytest.raises(LoginError):
        alice.logs_in(password=old)


def test_sessions_end(alice: Person, target: Target) -> None:
    """Sessions in IDLE (RFC 2177) end as well as active ones."""
    asleep, awake = alice.logs_in(), alice.logs_in()
    asleep.select_folder("INBOX")
    asleep.idle()
    asleep.idle_check(timeout=ASLEEP_AFTER_S)

    _delete(target, alice, JSON, json.dumps(_credentials(alice)))

    wait_for(lambda: asleep.has_ended(), "the end of the session that sleeps")
    wait_for(lambda: awake.has_ended(), "the end of the other session")


def test_the_journal_names_no_address(alice: Person, machine: Machine, target: Target) -> None:
    """It notes a deletion without the address, even with a session open."""
    _delete(target, alice, JSON, json.dumps(_credentials(alice)))
    with contextlib.suppress(IMAPClientError):
        alice.imap.noop()
        alice.imap.append("INBOX", "too late")

    journal = machine.run("journalctl", "--no-pager", "--output=cat")

    assert "deleted an address at its owner's wish" in journal
    assert alice.name not in journal


@pytest.mark.parametrize("attempt", range(5))
def test_sessions_do_not_make_the_mailbox_again(
    attempt: int, alice: Person, machine: Machine, target: Target
) -> None:
    """They may write between the deletion of the files and their end."""
    busy = [alice.logs_in() for _ in range(3)]
    with ThreadPoolExecutor(len(busy)) as pool:
        writing = [pool.submit(_writes_until_it_ends, session) for session in busy]
        _delete(target, alice, JSON, json.dumps(_credentials(alice)))
        for written in writing:
            written.result(timeout=ANSWER_S)

    assert alice.name not in machine.run("ls", "/var/lib/chatmail/mail")


def _writes_until_it_ends(session: Imap) -> None:
    with contextlib.suppress(IMAPClientError, OSError):
        while True:
            session.append("INBOX", "draft")


def _gets_another_owner(person: Person, machine: Machine) -> None:
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


def _is_unknown(target: Target, person: Person) -> bool:
    with port_25(target, person.domain) as session:
        reply = transaction(session, "me@example.org", [person.address], b"")
    return reply.code == 550 and "5.1.1" in reply.text
