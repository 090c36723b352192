"""What Postfix and nginx find at the sockets that the settings name."""

import asyncio
import contextlib
import os
import pwd
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chatmaild.settings import Settings
from chatmaild.store.decisions.domains import Domains, file_of
from chatmaild.transport.outbound.destinations import Destinations
from chatmaild.transport.outbound.networks import Networks
from chatmaild.transport.service import lookups, set_up
from chatmaild.transport.silence import Silence
from chatmaild.wire.socketmap import netstring, read_netstring, reply

from ..waiting import DEADLINE_S


@pytest.fixture
def settings(settings_json: dict[str, Any]) -> Settings:
    """The settings of a relay with a free port for its gateway, and a private network."""
    settings_json["network"]["privateNetworks"] = ["192.0.2.0/24"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        settings_json["ports"]["transportSmtp"] = free.getsockname()[1]
    settings_json["users"]["postfix"] = pwd.getpwuid(os.getuid()).pw_name
    return Settings.from_json(settings_json)


@contextlib.asynccontextmanager
async def service(settings: Settings) -> AsyncIterator[None]:
    """The service with all its sockets."""
    async with asyncio.timeout(DEADLINE_S), contextlib.AsyncExitStack() as stack:
        await set_up(settings, stack)
        yield


def test_postfix_asks_for_the_way(settings: Settings) -> None:
    """Several questions on one connection; local addresses are left to the other map."""
    gateway = f"[127.0.0.1]:{settings.ports.transport_smtp}"
    questions = {
        "destinations bob@Peer.test": f"OK smtp-new:{gateway}, peer.test",
        "destinations bob@[192.0.2.1]": f"OK smtp-new:{gateway}, [192.0.2.1]",
        "destinations bob@[127.0.0.1]": "OK error:5.4.4 Mail goes to public IP addresses only",
        "destinations bob@[IPv6:::ffff:10.1.2.3]": (
            "OK error:5.4.4 Mail goes to public IP addresses only"
        ),
        f"destinations bob@{settings.mail_domain}": "NOTFOUND ",
        "dns-replies mx.test. 60 IN A 9.9.9.9": "NOTFOUND ",
        "dns-replies mx.test. 60 IN A 192.0.2.1": "NOTFOUND ",
        "dns-replies mx.test. 60 IN A 10.1.2.3": "OK IGNORE",
        "dns-replies mx.test. 60 IN AAAA fe80::1": "OK IGNORE",
        "dns-replies peer.test. 60 IN MX 10 mx.test.": "NOTFOUND ",
        "dns-replies _25._tcp.mx.test. 60 IN TLSA 3 1 1 00": "NOTFOUND ",
        "dns-replies ": "NOTFOUND ",
        "other x": "PERM no such map",
        "destinations peer.test": "NOTFOUND ",
        "destinations *": "NOTFOUND ",
        "destinations": "NOTFOUND ",
    }

    async def scenario() -> list[bytes | None]:
        async with service(settings):
            reader, writer = await asyncio.open_unix_connection(settings.sockets.destinations)
            answers = []
            for question in questions:
                writer.write(netstring(question.encode()))
                answers.append(await read_netstring(reader))
            writer.close()
            return answers

    assert [answer.encode() for answer in questions.values()] == asyncio.run(scenario())


def test_mail_for_a_silent_domain_is_an_error_after_an_hour() -> None:
    """Postfix returns the mail of a route `error:` at once; others are not concerned."""
    now_s = [1_800_000_000.0]
    silence = Silence(b"k" * 32, lambda: now_s[0])
    for _ in range(31):
        silence.fails("peer.test")
        now_s[0] += 86_400
    destinations = Destinations(
        service="a", new_service="b", gateway="[127.0.0.1]:1", local_domain="us", silence=silence
    )
    look_up = lookups(destinations, Networks(()), lambda _: True, lambda _: None, "")
    answers = set()
    for _ in range(5):
        silence.fails("peer.test")
        answers.add(look_up("destinations", "bob@Peer.test"))
        now_s[0] += 900

    assert "OK b:[127.0.0.1]:1, peer.test" in answers
    assert look_up("destinations", "bob@peer.test") == (
        "OK error:5.4.1 No server of this domain has answered for a month"
    )
    assert look_up("destinations", "bob@other.test").startswith("OK b:")


def test_waiting_mail_for_a_blocked_domain_is_returned(settings: Settings) -> None:
    """By the route `error:`; in doubt it waits, and mail within the relay is not concerned."""
    destinations = Destinations(
        service="a", new_service="b", gateway="[127.0.0.1]:1", local_domain=settings.mail_domain
    )
    allows = Domains(settings).allow
    look_up = lookups(destinations, Networks(()), allows, lambda _: None, "")

    def answer(domain: str) -> str:
        return asyncio.run(reply(look_up, f"destinations bob@{domain}".encode())).decode()

    assert answer("a.peer.test").startswith("OK b:")
    file_of(settings).write_text('{"blocked": ["peer.test", "[192.0.2.1]"]}')
    refused = "OK error:5.7.1 Mail to and from this domain is blocked by the operator of this relay"
    assert [refused] * 2 == [answer("A.peer.test"), answer("[192.0.2.1]")]
    assert answer("example.net").startswith("OK b:")
    file_of(settings).write_text("{")
    assert answer("example.net") == "TEMP the look-up failed"
    assert answer(settings.mail_domain) == "NOTFOUND "


def test_only_peers_that_may_get_mail_are_prepared(settings: Settings) -> None:
    """Not this relay, not a private network, not a domain that the operator blocked."""
    destinations = Destinations(
        service="a", new_service="b", gateway="[127.0.0.1]:1", local_domain=settings.mail_domain
    )
    prepared: list[str] = []
    allows = Domains(settings).allow
    look_up = lookups(
        destinations, Networks(()), allows, lambda _: None, "", prepare=prepared.append
    )
    file_of(settings).write_text('{"blocked": ["bad.test"]}')
    for domain in ("peer.test", "bad.test", "[10.1.2.3]", "[9.9.9.9]", settings.mail_domain, ""):
        assert look_up("expected", domain) == "NOTFOUND "

    assert prepared == ["peer.test", "[9.9.9.9]"]


def test_rules_hold_for_destinations_with_smtp_alone(settings: Settings) -> None:
    """Their map asks no memory of HTTPS, and the operator's rules all the same."""
    destinations = Destinations(
        service="a", new_service="b", gateway="[127.0.0.1]:1", local_domain=settings.mail_domain
    )
    allows = Domains(settings).allow
    look_up = lookups(destinations, Networks(()), allows, lambda _: None, "")

    def answer() -> str:
        return asyncio.run(reply(look_up, b"smtp-alone bob@Peer.test")).decode()

    assert answer() == "OK smtp:"
    file_of(settings).write_text('{"blocked": ["peer.test"]}')
    assert answer().startswith("OK error:5.7.1 ")
    file_of(settings).write_text("{")
    assert answer() == "TEMP the look-up failed"


def test_postfix_finds_the_gateway(settings: Settings) -> None:
    """It greets at once."""

    async def scenario() -> bytes:
        async with service(settings):
            port = settings.ports.transport_smtp
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            greeting = await reader.readline()
            writer.close()
            return greeting

    assert asyncio.run(scenario()).startswith(b"220 ")


@pytest.mark.parametrize("user", ["daemon", "no-such-user"])
def test_nobody_but_postfix_finds_the_gateway(settings_json: dict[str, Any], user: str) -> None:
    """Another user's connection ends without a greeting."""
    settings_json["users"]["postfix"] = user
    with socket.create_server(("127.0.0.1", 0)) as free:
        settings_json["ports"]["transportSmtp"] = free.getsockname()[1]
    settings = Settings.from_json(settings_json)

    async def scenario() -> bytes:
        async with service(settings):
            port = settings.ports.transport_smtp
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            said = await reader.read()
            writer.close()
            return said

    assert asyncio.run(scenario()) == b""


def test_a_greeting_is_not_guessed(settings: Settings) -> None:
    """Postfix refuses every name that the service did not invent."""

    async def scenario() -> list[bytes | None]:
        async with service(settings):
            reader, writer = await asyncio.open_unix_connection(settings.sockets.destinations)
            answers = []
            for name in (settings.mail_domain, "", "0" * 32):
                writer.write(netstring(f"greetings {name}".encode()))
                answers.append(await read_netstring(reader))
            writer.close()
            return answers

    assert asyncio.run(scenario()) == [b"NOTFOUND "] * 3


@pytest.mark.parametrize(
    ("request_", "start"),
    [
        (b"GET /mxdeliv HTTP/1.1\r\n", b"HTTP/1.1 405 "),
        (b"POST /mxdeliv HTTP/1.1\r\nContent-Length: 0\r\n", b"HTTP/1.1 400 "),
    ],
)
def test_nginx_finds_the_other_end(settings: Settings, request_: bytes, start: bytes) -> None:
    """It answers, and closes where it is asked to."""

    async def scenario() -> bytes:
        async with service(settings):
            reader, writer = await asyncio.open_unix_connection(settings.sockets.mxdeliv)
            writer.write(request_ + b"Host: x\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer

    assert asyncio.run(scenario()).startswith(start)
