"""A front and three stores as they run: every socket of the front, and stores that restart."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from chatmaild.accounts.limits import creations, patience
from chatmaild.accounts.limits.buckets import IpLimit
from chatmaild.accounts.registration import RegistrationSwitch
from chatmaild.accounts.web.language import sentence
from chatmaild.address import Address, parse_address
from chatmaild.directory import stores
from chatmaild.directory.placement import winner
from chatmaild.store.invites import Invites

from .conftest import PlayCluster
from .support.cluster import Cluster

CLOSED = "[UNAVAILABLE] This relay takes no new addresses without an invitation."
UNKNOWN = "OK error:5.1.1 Recipient address rejected: User unknown"


def _name(store: str) -> Address:
    """An address that a store would get."""
    three = {"store1": 1, "store2": 1, "store3": 1}
    texts = (f"user{number:05}@chat.example.org" for number in range(1000))
    return parse_address(next(text for text in texts if winner(text, three) == store))


async def _login(cluster: Cluster, address: Address, password: str = "secret-password") -> Any:
    status, body = await cluster.login(str(address), password)
    return json.loads(body) if status == 200 else status


def _place(cluster: Cluster, store: str) -> str:
    return str(cluster.stores[store].settings.cluster.address)


def test_an_address_is_made_and_used_through_its_front(play_cluster: PlayCluster) -> None:
    """Its first login creates it on its store, and all sockets know it."""

    async def scenario(cluster: Cluster) -> None:
        alice = _name("store2")
        assert await cluster.map(f"transport {alice}") == UNKNOWN
        assert (await cluster.state(f"/address?address={alice}"))[1] == {"state": "unknown"}

        answer = await _login(cluster, alice)
        assert (answer["active"], answer["user"]) == (True, str(alice))
        assert answer["access_token"] == _place(cluster, "store2")
        assert cluster.homes(alice) == ["store2"]
        assert not (await _login(cluster, alice, "wrong-password"))["active"]
        assert (await _login(cluster, alice))["active"]

        hop = f"OK lmtp:inet:[{_place(cluster, 'store2')}]:24"
        assert await cluster.map(f"transport {alice}") == hop
        sockets = cluster.settings.sockets
        for path in (sockets.recipients, sockets.transport_recipients):
            assert await cluster.map(f"recipients {alice}", path) == "OK x"
        assert (await cluster.state(f"/address?address={alice}"))[1] == {
            "store": "store2",
            "state": "here",
            "usable": True,
            "disabled": False,
            "enforces": True,
            "nearly_full": False,
        }

    play_cluster(scenario)


def test_first_logins_at_the_same_time_make_one_account(play_cluster: PlayCluster) -> None:
    """One of the two passwords counts from then on."""

    async def scenario(cluster: Cluster) -> None:
        alice, words = _name("store1"), ("first-password", "second-password")
        answers = await asyncio.gather(*(_login(cluster, alice, word) for word in words))
        active = [answer["active"] for answer in answers]

        assert sorted(active) == [False, True]
        assert cluster.homes(alice) == ["store1"]
        assert [(await _login(cluster, alice, word))["active"] for word in words] == active

    play_cluster(scenario)


def test_a_refused_first_login_says_why(play_cluster: PlayCluster) -> None:
    """Dovecot asks for the reason, which is the store's."""

    async def scenario(cluster: Cluster) -> None:
        alice = _name("store3")
        RegistrationSwitch(cluster.stores["store3"].settings).marker.touch()
        assert not (await _login(cluster, alice))["active"]

        form = urlencode({"username": str(alice), "password": "secret-password"}).encode()
        _, body = await cluster.post_login(form, "/refusal", x_dovecot_auth_protocol="imap")
        assert json.loads(body)["reason"] == CLOSED
        assert cluster.homes(alice) == []

    play_cluster(scenario)


def test_an_account_on_another_store_is_found(play_cluster: PlayCluster) -> None:
    """An operator moved it there, and moves it on."""

    async def scenario(cluster: Cluster) -> None:
        alice = _name("store1")
        await _login(cluster, alice)
        for source, target in (("store1", "store3"), ("store3", "store2")):
            old, new = (cluster.stores[name].mailboxes.path(alice) for name in (source, target))
            old.rename(new)
            assert (await _login(cluster, alice))["access_token"] == _place(cluster, target)
        assert cluster.homes(alice) == ["store2"]

    play_cluster(scenario)


def test_a_store_that_ends_and_comes_back(
    play_cluster: PlayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its people wait: logins get a temporary failure, mail waits. Nobody else notices."""
    monkeypatch.setattr(patience, "PATIENCE_S", 0.2)

    async def scenario(cluster: Cluster) -> None:
        alice, bob = _name("store1"), _name("store2")
        for address in (alice, bob):
            await _login(cluster, address)
        await cluster.stores["store1"].stop()

        assert await _login(cluster, alice) == 503
        assert (await _login(cluster, bob))["active"]
        assert (await cluster.map(f"transport {alice}")).startswith("OK retry:")
        assert (await cluster.state(f"/address?address={alice}"))[0] == 503
        assert 'chatmail_store_up{store="store1"} 0' in await cluster.metrics()

        await cluster.stores["store1"].start()
        while await _login(cluster, alice) == 503:
            pass
        assert (await cluster.map(f"transport {alice}")).startswith("OK lmtp:")

    play_cluster(scenario)


def test_a_login_waits_while_its_store_restarts(play_cluster: PlayCluster) -> None:
    """Its client sees a slow login, no failure."""

    async def scenario(cluster: Cluster) -> None:
        alice = _name("store1")
        await _login(cluster, alice)
        await cluster.stores["store1"].stop()
        login = asyncio.create_task(_login(cluster, alice))
        while 'chatmail_store_up{store="store1"} 0' not in await cluster.metrics():
            pass
        assert not login.done()
        await cluster.stores["store1"].start()

        assert (await login)["active"]

    play_cluster(scenario)


def test_nobody_waits_for_a_store_that_is_lost(
    play_cluster: PlayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But SMTP clients, because Postfix would answer that the password is wrong."""
    monkeypatch.setattr(stores, "LOST_S", 0.0)

    async def scenario(cluster: Cluster) -> None:
        alice = _name("store1")
        await _login(cluster, alice)
        await cluster.stores["store1"].stop()
        while 'chatmail_store_up{store="store1"} 0' not in await cluster.metrics():
            pass
        form = urlencode({"username": str(alice), "password": "secret-password"}).encode()
        smtp = asyncio.create_task(
            cluster.post_login(form, "/login", x_dovecot_auth_protocol="smtp")
        )
        status, _ = await cluster.post_login(form, "/login", x_dovecot_auth_protocol="imap")
        assert (status, smtp.done()) == (503, False)
        await cluster.stores["store1"].start()

        assert json.loads((await smtp)[1])["active"]

    play_cluster(scenario)


def test_a_restart_of_the_directory_loses_nothing(play_cluster: PlayCluster) -> None:
    """It has no state but what the stores know."""

    async def scenario(cluster: Cluster) -> None:
        alice = _name("store1")
        await _login(cluster, alice)
        old, new = (cluster.stores[name].mailboxes.path(alice) for name in ("store1", "store3"))
        old.rename(new)
        assert (await _login(cluster, alice))["access_token"] == _place(cluster, "store3")
        await cluster.directory.stop()
        await cluster.directory.start()

        assert (await _login(cluster, alice))["access_token"] == _place(cluster, "store3")
        assert cluster.homes(alice) == ["store3"]

    play_cluster(scenario)


def test_new_addresses_are_offered_and_deleted_over_the_web(play_cluster: PlayCluster) -> None:
    """With the answers of a relay on one machine."""

    async def scenario(cluster: Cluster) -> None:
        homes = set()
        for number in range(12):
            status, _, body = await cluster.web("POST", "/new", x_real_ip=f"192.0.2.{number}")
            answer = json.loads(body)
            assert (status, set(answer)) == (200, {"email", "password"})
            address = parse_address(answer["email"])
            assert cluster.homes(address) == []
            assert (await _login(cluster, address, answer["password"]))["active"]
            homes |= set(cluster.homes(address))
        assert len(homes) > 1

        wrong = json.dumps({"address": str(address), "password": "wrong"}).encode()
        right = json.dumps({"address": str(address), "password": answer["password"]}).encode()
        kind = {"content_type": "application/json", "x_real_ip": "192.0.2.1"}
        for body, expected in ((wrong, 403), (right, 200), (right, 403)):
            assert (await cluster.web("POST", "/account/delete", body, **kind))[0] == expected
        assert cluster.homes(address) == []
        assert await cluster.map(f"transport {address}") == UNKNOWN

    play_cluster(scenario)


def test_a_closed_relay_takes_invites(play_cluster: PlayCluster) -> None:
    """The invite is at its store, the address at another."""

    async def scenario(cluster: Cluster) -> None:
        for machine in cluster.stores.values():
            RegistrationSwitch(machine.settings).marker.touch()
        three = dict.fromkeys(cluster.stores, 1)
        invites = Invites.of(cluster.stores["store2"].settings)
        token = invites.create(uses=1, expires_s=None).token
        while winner(token, three) != "store2":
            token = invites.create(uses=1, expires_s=None).token

        for query, code in (("", "closed"), ("?unknown-token", "invite-unknown")):
            status, _, body = await cluster.web(
                "POST", f"/new{query}", x_real_ip="192.0.2.1", accept_language="de"
            )
            assert (status, json.loads(body)["reason"]) == (403, sentence(code, "de"))
        status, _, body = await cluster.web("POST", f"/new?{token}", x_real_ip="192.0.2.2")
        assert status == 200
        answer = json.loads(body)
        assert len(cluster.homes(parse_address(answer["email"]))) == 1
        status, _, body = await cluster.web("POST", f"/new?{token}", x_real_ip="192.0.2.3")
        assert (status, json.loads(body)["reason"]) == (403, sentence("invite-used", "en"))

    play_cluster(scenario)


def test_the_front_limits_new_addresses(
    play_cluster: PlayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network gets as many addresses as from one machine, whatever their stores are."""
    monkeypatch.setattr(creations, "IpLimit", lambda burst, _: IpLimit(burst, 0.001))
    monkeypatch.setattr(patience, "PATIENCE_S", 0.1)

    async def scenario(cluster: Cluster) -> None:
        burst = cluster.settings.registration.per_ip_burst
        offers = []
        for number in range(2 * burst):
            answer = await cluster.web("POST", "/new", x_real_ip="192.0.2.1")
            assert answer[0] == (200 if number < burst else 429)
            offers.append(json.loads(answer[2]))
        names = [_name(store) for store in cluster.stores]
        assert [await _login(cluster, name) for name in names] == [503] * 3

        for offer in offers[:burst]:
            address = parse_address(offer["email"])
            assert (await _login(cluster, address, offer["password"]))["active"]
        assert sum(len(list(m.mailboxes.addresses())) for m in cluster.stores.values()) == burst

    play_cluster(scenario)
