"""A closed relay creates addresses for invited users only; existing addresses keep working."""

from __future__ import annotations

import json
from collections.abc import Iterator

import aiosmtplib
import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import CommandFailedError, Machine, Target
from chatmail_testkit.web.client import Answer, request
from conftest import PersonFactory
from imapclient.exceptions import LoginError

pytestmark = pytest.mark.disturbs
STATE = "/var/lib/chatmail/accounts"
INVITES = f"{STATE}/invites"


@pytest.fixture
def closed(machine: Machine) -> Iterator[None]:
    """The relay is closed."""
    machine.run("chatmail", "registration", "close")
    yield
    machine.run("chatmail", "registration", "open")


@pytest.mark.usefixtures("closed")
def test_uninvited_users_get_no_address(
    relay: str, new_person: PersonFactory, target: Target
) -> None:
    """Neither a first login nor `/new` creates an address while the relay is closed."""
    with pytest.raises(LoginError) as imap:
        new_person(relay).logs_in()
    with pytest.raises(aiosmtplib.SMTPResponseException) as smtp:
        new_person(relay).smtp.noop()
    # temporary, and not a wrong password (RFC 5530, RFC 4954 section 6)
    reason = "[UNAVAILABLE] This relay takes no new addresses without an invitation."
    assert reason in str(imap.value)
    assert (smtp.value.code, smtp.value.message[:5]) == (454, "4.7.0")
    answer = _asked(target, relay, "", language="de")

    assert answer.status == 403
    assert _reason(answer) == "Dieser Server vergibt neue Adressen nur auf Einladung."


def test_existing_users_are_not_affected(
    alice: Person, bob: Person, machine: Machine, target: Target
) -> None:
    """They log in, write and read; after reopening, first logins work again."""
    machine.run("chatmail", "registration", "close")
    try:
        assert machine.run("chatmail", "registration", "status").startswith("closed")
        alice.leaves()
        alice.sends(bob, text="still here")
        assert bob.receives().text == "still here"
    finally:
        machine.run("chatmail", "registration", "open")

    assert _asked(target, alice.domain, "").status == 200


@pytest.mark.usefixtures("closed")
def test_an_invitation_creates_addresses(
    relay: str, machine: Machine, target: Target, new_person: PersonFactory
) -> None:
    """As many as it allows; each address exists at once and logs in."""
    token = _invite(machine, relay, "--uses", "2", "--expires", "7d")
    assert f"{token}  2 uses left, until " in machine.run("chatmail", "invite", "list")
    led = request(target, "GET", relay, f"/new?{token}").headers["location"]
    assert led == f"dcaccount:https://{relay}/new?{token}"

    for _ in range(2):
        given = json.loads(_asked(target, relay, token).body)
        person = new_person(relay)
        person.name, person.password = given["email"].partition("@")[0], given["password"]
        assert person.imap.noop()

    answer = _asked(target, relay, token)
    assert (answer.status, bool(_reason(answer))) == (403, True)
    assert f"{token}  used, until " in machine.run("chatmail", "invite", "list")


@pytest.mark.usefixtures("closed")
def test_invalid_invitations_are_refused(relay: str, machine: Machine, target: Target) -> None:
    """Expired, revoked and unknown ones."""
    expired = _invite(machine, relay, "--expires", "1h")
    find = ("find", STATE, "-name", expired)
    [store] = [one for one in machine.stores if one.run(*find)]
    content = json.loads(store.run("cat", f"{INVITES}/{expired}"))
    store.run("tee", f"{INVITES}/{expired}", stdin=json.dumps(content | {"expires_s": 1}).encode())
    revoked = _invite(machine, relay)
    machine.run("chatmail", "invite", "revoke", f"DCACCOUNT:https://{relay}/new?{revoked}")
    reasons = set()
    for token in (expired, revoked, "x" * 16, "../../etc/x", "%2e%2e"):
        answer = _asked(target, relay, token)
        assert answer.status == 403, token
        reasons.add(_reason(answer))

    assert len(reasons) == 2
    with pytest.raises(CommandFailedError, match="there is no such invite"):
        machine.run("chatmail", "invite", "revoke", revoked)


def _invite(machine: Machine, relay: str, *options: str) -> str:
    """Return the token of a new invitation."""
    link = machine.run("chatmail", "invite", "create", *options).strip()
    head, _, token = link.partition("?")
    assert head == f"DCACCOUNT:https://{relay}/new"
    return token


def _asked(target: Target, relay: str, token: str, language: str = "en") -> Answer:
    path = f"/new?{token}" if token else "/new"
    return request(target, "POST", relay, path, headers=[("Accept-Language", language)])


def _reason(answer: Answer) -> str:
    return str(json.loads(answer.body)["reason"])
