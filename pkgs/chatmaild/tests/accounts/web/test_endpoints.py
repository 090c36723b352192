"""`/new` and `/account/delete` behind nginx: answers, refusals in ten languages, bad input.

Over 300 lines: two end points with all their refusals.
"""

import asyncio
import dataclasses
import json
import math
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

import pytest

from chatmaild.accounts.credentials import dclogin_url, random_password
from chatmaild.accounts.limits.buckets import IpLimit
from chatmaild.accounts.registration import Machine, RegistrationSwitch, overload
from chatmaild.accounts.web.language import sentence
from chatmaild.address import parse_address
from chatmaild.settings import Settings
from chatmaild.store.invites import Invites
from chatmaild.store.mailboxes import Mailboxes

Play = Callable[[Any], None]
ALICE = "alice1234@chat.example.org"
ACCOUNT = parse_address(ALICE)
SURROGATE = b'{"address": "a@b", "password": "\\ud800"}'


def test_post_new_offers_an_address(play: Play, mailboxes: Mailboxes) -> None:
    """Nothing is made until the first login."""

    async def scenario(relay: Any) -> None:
        for path in ("/new", "/cgi-bin/newemail.py"):
            status, headers, body = await relay.web("POST", path, x_real_ip="192.0.2.1")
            answer = json.loads(body)
            assert status == 200
            assert headers["content-type"].startswith("application/json")
            assert headers["cache-control"] == "no-store"
            assert set(answer) == {"email", "password"}
            assert re.fullmatch("[a-z0-9]{9}@chat\\.example\\.org", answer["email"])
            assert len(answer["password"]) == 12
            assert list(mailboxes.addresses()) == []
        login = await relay.login(answer["email"], answer["password"])
        assert json.loads(login[1])["user"] == answer["email"]

    play(scenario)


def test_get_new_leads_into_the_app(play: Play) -> None:
    """A browser hands the link over; a token stays with it."""

    async def scenario(relay: Any) -> None:
        for path in ("/new", "/cgi-bin/newemail.py"):
            status, headers, _ = await relay.web("GET", path)
            assert (status, headers["location"]) == (301, "dcaccount:https://chat.example.org/new")
        _, headers, _ = await relay.web("GET", "/new?abcdefgh")
        assert headers["location"] == "dcaccount:https://chat.example.org/new?abcdefgh"

    play(scenario)


@pytest.fixture
def self_signed(settings: Settings) -> Settings:
    """The same relay without a trusted certificate, on an IPv4 address."""
    return dataclasses.replace(
        settings,
        domain="192.0.2.9",
        mail_domain="[192.0.2.9]",
        tls=dataclasses.replace(settings.tls, mode="self-signed", trusted=False),
    )


def test_self_signed_mode_gives_a_login_link(self_signed: Settings) -> None:
    """With the password percent-encoded as a whole and @[] left alone."""
    url = dclogin_url(parse_address("x@[192.0.2.9]"), "a&b=c%d#e?f+g", self_signed)

    head, _, query = url.partition("?")
    assert head == "dclogin:x@[192.0.2.9]"
    assert parse_qs(query) == {
        "p": ["a&b=c%d#e?f+g"], "v": ["1"], "ih": ["192.0.2.9"], "sh": ["192.0.2.9"], "ic": ["3"],
    }  # fmt: skip
    assert "p=a%26b%3Dc%25d%23e%3Ff%2Bg&" in url
    assert "&ih=" not in dclogin_url(parse_address("x@_a.test"), "p", dataclasses.replace(
        self_signed, mail_domain="_a.test"))  # fmt: skip


def test_a_closed_relay_takes_invites(play: Play, settings: Settings, mailboxes: Mailboxes) -> None:
    """The account is created at once, as often as the token has uses; first logins create none."""
    RegistrationSwitch(settings).marker.touch()
    invites = Invites.of(settings)
    token = invites.create(uses=2, expires_s=None).token
    expired = invites.create(uses=2, expires_s=1).token

    async def scenario(relay: Any) -> None:
        for number in range(2):
            ip = f"192.0.2.{number}"
            status, _, body = await relay.web("POST", f"/new?{token}", x_real_ip=ip)
            answer = json.loads(body)
            assert status == 200
            assert mailboxes.exists(parse_address(answer["email"]))
            login = await relay.login(answer["email"], answer["password"])
            assert json.loads(login[1])["active"]
        for query, code in (
            (token, "invite-used"),
            (expired, "invite-expired"),
            ("unknown-token", "invite-unknown"),
            ("../../../etc/passwd", "invite-unknown"),
            ("", "closed"),
        ):
            status, _, body = await relay.web(
                "POST", f"/new?{query}", x_real_ip=f"203.0.113.{len(code)}"
            )
            assert (status, json.loads(body)["reason"]) == (403, sentence(code, "en"))
        assert not json.loads((await relay.login(ALICE, "secret-password"))[1])["active"]
        assert len(list(mailboxes.addresses())) == 2

    play(scenario)


def test_parallel_invites_are_used_once_each(play: Play, settings: Settings) -> None:
    """Twenty requests for five uses."""
    token = Invites.of(settings).create(uses=5, expires_s=None).token

    async def scenario(relay: Any) -> None:
        answers = await asyncio.gather(
            *(relay.web("POST", f"/new?{token}", x_real_ip=f"192.0.2.{n}") for n in range(20))
        )
        assert sorted(status for status, _, _ in answers) == [200] * 5 + [403] * 15

    play(scenario)


def test_a_failed_creation_gives_the_use_back(
    play: Play, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk does not use up invites."""
    token = Invites.of(settings).create(uses=1, expires_s=None).token

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    async def scenario(relay: Any) -> None:
        monkeypatch.setattr(Mailboxes, "create", full)
        status, _, body = await relay.web("POST", f"/new?{token}", x_real_ip="192.0.2.1")
        assert status == 500
        assert "reason" in json.loads(body)
        monkeypatch.undo()
        assert (await relay.web("POST", f"/new?{token}", x_real_ip="192.0.2.2"))[0] == 200

    play(scenario)


@pytest.mark.usefixtures("no_refill")
def test_one_network_is_limited_and_others_are_not(play: Play) -> None:
    """Five at once, then 429 with a reason; another IP address is not limited."""

    async def scenario(relay: Any) -> None:
        answers = [await relay.web("POST", "/new", x_real_ip="192.0.2.1") for _ in range(8)]
        assert [status for status, _, _ in answers[:5]] == [200] * 5
        status, headers, body = answers[-1]
        assert (status, headers["retry-after"]) == (429, "1")
        assert json.loads(body)["reason"] == sentence("too-many", "en")
        assert (await relay.web("POST", "/new", x_real_ip="192.0.2.2"))[0] == 200

    play(scenario)


def test_the_bucket_refills_and_its_memory_is_bounded() -> None:
    """No IP address is kept, and the number of buckets is bounded."""
    limit = IpLimit(5, 2, max_buckets=100)

    assert [limit.allow("192.0.2.1", 0.0) for _ in range(6)] == [True] * 5 + [False]
    assert [limit.allow("192.0.2.1", 1.0) for _ in range(3)] == [True, True, False]
    for number in range(10000):
        limit.allow(f"10.0.{number // 256}.{number % 256}", 2.0)
    assert len(limit) == 100
    assert "192.0.2.1" not in repr(vars(limit))


def test_ten_thousand_requests_at_once(play: Play) -> None:
    """From many networks and from one: each has an answer."""

    async def scenario(relay: Any) -> None:
        gate = asyncio.Semaphore(500)

        async def ask(number: int) -> int:
            async with gate:
                ip = f"10.1.{number // 250}.{number % 250}" if number % 2 else "192.0.2.1"
                return int((await relay.web("POST", "/new", x_real_ip=ip))[0])

        answers = await asyncio.gather(*map(ask, range(2000)))
        assert answers.count(200) >= 1000
        assert set(answers) <= {200, 429}

    play(scenario)


@pytest.mark.parametrize(
    ("load", "memory", "disk", "inodes", "refused"),
    [
        (4.9, 300.0, 2000.0, 6000.0, False), (None, None, None, None, False),
        (5.1, 300.0, 2000.0, 6000.0, True), (0.0, 199.0, 2000.0, 6000.0, True),
        (0.0, 300.0, 1023.0, 6000.0, True), (0.0, 300.0, 2000.0, 4999.0, True),
        (0.0, 300.0, 2000.0, math.inf, False),
    ],
)  # fmt: skip
def test_load_limits(
    settings: Settings,
    load: float | None,
    memory: float | None,
    disk: float | None,
    inodes: float | None,
    refused: bool,
) -> None:
    """Values that cannot be measured are ignored."""
    limits = dataclasses.replace(
        settings.registration,
        max_load=5.0,
        min_free_memory_megabytes=200,
        min_free_disk_megabytes=1024,
        min_free_inodes=5000,
    )
    machine = Machine(
        load=load,
        free_memory_megabytes=memory,
        free_disk_megabytes=disk,
        free_inodes=inodes,
    )

    assert (overload(machine, limits) is not None) == refused


def test_a_link_holds_any_random_password(settings: Settings) -> None:
    """Each of them is read back from a dclogin link as it was."""
    for _ in range(200):
        password = random_password(settings.accounts)
        url = dclogin_url(ACCOUNT, password, settings)
        assert unquote(url.partition("?p=")[2].partition("&")[0]) == password


def test_requests_one_after_the_other_on_one_connection(play: Play, settings: Settings) -> None:
    """Dovecot keeps its connection, and may send before it has the answer."""

    async def scenario(relay: Any) -> None:
        read_answer, request = relay.read_answer, relay.request
        reader, writer = await asyncio.open_connection("127.0.0.1", settings.ports.login)
        form = f"username={ALICE}&password=secret-password".encode()
        writer.write(request("POST", "/login", form) * 3)
        for _ in range(3):
            assert json.loads((await read_answer(reader))[2])["active"]
        assert 'chatmail_addresses_created_total{kind="user"} 1' in await relay.metrics()
        writer.write(b"nonsense\r\n\r\n")
        assert (await read_answer(reader))[0] == 400
        assert await reader.read() == b""
        writer.close()

    play(scenario)
