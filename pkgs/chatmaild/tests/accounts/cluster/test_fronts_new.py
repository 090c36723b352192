"""New addresses that fronts ask a store for, and invites."""

import json
import pathlib
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from chatmaild.accounts.registration import RegistrationSwitch
from chatmaild.address import parse_address
from chatmaild.settings import Settings
from chatmaild.store.invites import Invites
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.tombstones import Tombstones

Play = Callable[[Any], None]
ALICE = "alice1234@chat.example.org"
ACCOUNT = parse_address(ALICE)
PASSWORD = "secret-password"
ACCEPTED = (200, {"result": "accepted", "reason": ""})
DONE: tuple[int, Any] = (200, {})

pytestmark = pytest.mark.usefixtures("of_store")


async def new(relay: Any, address: str = ALICE, *, invite: str = "") -> tuple[int, Any]:
    """Ask for a new address."""
    body = {"address": address, "password": PASSWORD, "invite": invite}
    found: tuple[int, Any] = await relay.front("POST", "/new", json.dumps(body).encode())
    return found


async def first_login(relay: Any, ip: str, address: str = ALICE) -> tuple[int, Any]:
    """Pass on a first login."""
    form = urlencode({"username": address, "password": PASSWORD}).encode()
    found: tuple[int, Any] = await relay.front("POST", "/first-login", form, x_client_address=ip)
    return found


def test_an_address_is_offered(play: Play, mailboxes: Mailboxes) -> None:
    """Nothing is made until the first login."""

    async def scenario(relay: Any) -> None:
        assert await new(relay) == DONE
        assert list(mailboxes.addresses()) == []
        assert await first_login(relay, "198.51.100.1") == ACCEPTED
        assert mailboxes.exists(ACCOUNT)
        assert "addresses_offered_total 1" in await relay.metrics()

    play(scenario)


@pytest.mark.usefixtures("no_refill")
def test_new_addresses_are_not_counted_again(
    play: Play, settings: Settings, mailboxes: Mailboxes
) -> None:
    """The front has counted them, by the network of the client."""
    count = 2 * settings.registration.per_ip_burst

    async def scenario(relay: Any) -> None:
        for number in range(count):
            name = f"name{number:05}@chat.example.org"
            assert await new(relay, name) == DONE
            assert await first_login(relay, "192.0.2.1", name) == ACCEPTED
        assert len(list(mailboxes.addresses())) == count

    play(scenario)


def test_names_that_are_not_free(play: Play, settings: Settings, mailboxes: Mailboxes) -> None:
    """Taken, or deleted lately, with and without an invite."""
    mailboxes.create(ACCOUNT, "hash", now_s=0)
    gone = "gone12345@chat.example.org"
    Tombstones.of(settings).add(parse_address(gone), now_s=time.time())

    async def scenario(relay: Any) -> None:
        for invite in ("", "abcdefgh"):
            for name in (ALICE, gone):
                assert await new(relay, name, invite=invite) == (409, {})
        assert await new(relay, "other1234@chat.example.org") == DONE
        assert mailboxes.password_hash(ACCOUNT) == "hash"

    play(scenario)


@pytest.mark.parametrize(
    "address", ["", "x", "alice1234@other.example", "short@chat.example.org", "postmaster@x.org"]
)
def test_what_no_front_asks_for(play: Play, mailboxes: Mailboxes, address: str) -> None:
    """Fronts make names within the limits."""

    async def scenario(relay: Any) -> None:
        for invite in ("", "abcdefgh"):
            assert await new(relay, address, invite=invite) == (400, {})
        assert list(mailboxes.addresses()) == []

    play(scenario)


def test_the_switches_of_the_operator(play: Play, settings: Settings, mailboxes: Mailboxes) -> None:
    """An invite opens a closed relay, not a stopped one."""
    stop = pathlib.Path(settings.registration.stop_file)
    marker = RegistrationSwitch(settings).marker

    async def scenario(relay: Any) -> None:
        stop.touch()
        for invite in ("", "abcdefgh"):
            assert await new(relay, invite=invite) == (503, {"code": "stopped"})
        stop.unlink()
        marker.touch()
        assert await new(relay) == (403, {"code": "closed"})
        assert list(mailboxes.addresses()) == []
        assert await new(relay, invite="abcdefgh") == DONE
        assert mailboxes.exists(ACCOUNT)
        assert await first_login(relay, "192.0.2.1") == ACCEPTED
        counts = await relay.metrics()
        assert 'registrations_refused_total{reason="closed"} 1' in counts
        assert 'registrations_refused_total{reason="stopped"} 2' in counts

    play(scenario)


def test_invites(play: Play, settings: Settings) -> None:
    """Each use counts once, and a front that failed gives it back."""
    invites = Invites.of(settings)
    token = invites.create(uses=1, expires_s=None).token
    expired = invites.create(uses=1, expires_s=1).token

    async def scenario(relay: Any) -> None:
        async def send(action: str, token: str) -> tuple[int, Any]:
            body = json.dumps({"token": token}).encode()
            found: tuple[int, Any] = await relay.front("POST", f"/invite/{action}", body)
            return found

        assert await send("redeem", token) == DONE
        assert await send("redeem", token) == (404, {"code": "invite-used"})
        assert await send("give-back", token) == DONE
        assert await send("redeem", token) == DONE
        assert await send("redeem", expired) == (404, {"code": "invite-expired"})
        for unknown in ("abcdefgh", "../../etc/passwd", ""):
            assert await send("redeem", unknown) == (404, {"code": "invite-unknown"})
            assert await send("give-back", unknown) == (404, {})

    play(scenario)
