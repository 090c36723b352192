"""MX by preference, or the domain itself; asked over real UDP."""

import asyncio
import contextlib
import functools
import pathlib
import time
from collections.abc import AsyncIterator
from typing import ClassVar, cast

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from chatmaild.transport.outbound import exchangers
from chatmaild.transport.outbound.exchangers import DnsResolver, Exchanger, NoExchangerError
from chatmaild.transport.outbound.networks import Networks

# the addresses of the zone are those of documentation (RFC 5737, RFC 3849)
LAB = Networks(["192.0.2.0/24", "2001:db8::/32"])
ZONE = {
    ("two.test.", "MX"): ["20 second.two.test.", "10 First.two.test."],
    ("alone.test.", "A"): ["192.0.2.1"],
    ("xn--fu-hia.test.", "MX"): ["10 mx.test."],
    ("xn--ber-goa.test.", "A"): ["192.0.2.1"],
    ("null.test.", "MX"): ["0 ."],
    ("_x.test.", "MX"): ["10 _x.test."],
    ("odd.test.", "MX"): [r"10 a\@b.test."],
    ("both.test.", "A"): ["192.0.2.1", "127.0.0.1"],
    ("both.test.", "AAAA"): ["2001:db8::1", "::1", "fe80::1"],
}


class NameServer(asyncio.DatagramProtocol):
    """Answers from the zone; is silent about dead.test.

    Attributes:
        asked: all questions, in their order.
    """

    asked: ClassVar[list[tuple[str, str]]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a query."""
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name == "dead.test.":
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if values := ZONE.get((name, kind)):
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *values))
        elif not any(known == name for known, _ in ZONE):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(response.to_wire(), addr)


@contextlib.asynccontextmanager
async def resolver(*, ipv4_only: bool = False) -> AsyncIterator[DnsResolver]:
    """A resolver that asks the zone."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    stub = dns.asyncresolver.Resolver(configure=False)
    stub.nameservers = ["127.0.0.1"]
    stub.port = transport.get_extra_info("sockname")[1]
    stub.lifetime = 0.5
    try:
        yield DnsResolver(LAB, resolver=stub, ipv4_only=ipv4_only)
    finally:
        transport.close()


def _exchangers(domain: str) -> list[Exchanger]:
    async def scenario() -> list[Exchanger]:
        async with resolver() as names:
            return await names.exchangers(domain)

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("two.test", [("first.two.test", True), ("second.two.test", True)]),
        ("alone.test", [("alone.test", True)]),
        ("_x.test", [("_x.test", False)]),
        ("[192.0.2.7]", [("192.0.2.7", False)]),
        ("[ipv6:2001:db8::7]", [("2001:db8::7", False)]),
        ("[IPv6:2001:db8::7]", [("2001:db8::7", False)]),
    ],
)
def test_hosts(domain: str, expected: list[tuple[str, bool]]) -> None:
    """Best first; certificates of literals and of `_` domains are not checked."""
    assert expected == [(host.name, host.verify) for host in _exchangers(domain)]


@pytest.mark.parametrize(
    "domain",
    ["null.test", "nowhere.test", "dead.test", "odd.test", "[no]", "[]", "[", "a..b", "ä" * 80],
)
def test_no_host_can_be_named(domain: str) -> None:
    """The reason is left to Postfix."""
    with pytest.raises(NoExchangerError):
        _exchangers(domain)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("both.test", {"192.0.2.1", "2001:db8::1"}),
        ("192.0.2.9", {"192.0.2.9"}),
        ("127.0.0.1", set()),
        ("::1", set()),
        ("0.0.0.0", set()),
    ],
)
def test_addresses_of_this_machine_are_left_out(host: str, expected: set[str]) -> None:
    """Nobody makes us talk to our own services."""

    async def scenario() -> set[str]:
        async with resolver() as names:
            return set(await names.addresses(host))

    assert expected == asyncio.run(scenario())


@pytest.mark.parametrize(
    ("host", "expected"),
    [("both.test", ["192.0.2.1"]), ("192.0.2.9", ["192.0.2.9"]), ("2001:db8::1", [])],
)
def test_a_relay_at_an_ipv4_literal_uses_ipv4_alone(host: str, expected: list[str]) -> None:
    """Its peers refuse what comes from another address."""

    async def scenario() -> list[str]:
        async with resolver(ipv4_only=True) as names:
            return await names.addresses(host)

    assert expected == asyncio.run(scenario())


def test_a_host_without_addresses() -> None:
    """Is an OSError, like any other network problem."""

    async def scenario() -> None:
        async with resolver() as names:
            with pytest.raises(OSError, match="no address"):
                await names.addresses("nowhere.test")

    asyncio.run(scenario())


def test_the_system_resolver_has_a_deadline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """SMTP waits behind it."""
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 127.0.0.1\n")
    of_this_machine = functools.partial(dns.asyncresolver.Resolver, filename=str(file))
    monkeypatch.setattr(dns.asyncresolver, "Resolver", of_this_machine)

    async def scenario() -> None:
        names = DnsResolver(LAB)

        assert names._dns().lifetime == exchangers.LOOKUP_S
        assert names._dns().nameservers == ["127.0.0.1"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("domain", "host"),
    [("fuß.test", "mx.test"), ("xn--fu-hia.test", "mx.test"), ("über.test", "xn--ber-goa.test")],
)
def test_domains_in_other_letters(domain: str, host: str) -> None:
    """DNS has the names of IDNA2008."""
    assert [Exchanger(name=host, verify=True)] == _exchangers(domain)


def test_a_domain_that_is_no_name() -> None:
    """Postfix, which comes next, tells the sender."""
    with pytest.raises(NoExchangerError):
        _exchangers("\N{HEAVY BLACK HEART}.test")


def test_addresses_are_looked_up_beside_the_mx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the domain at first, and later those of its last host."""

    async def scenario() -> None:
        async with resolver() as names:
            for host in ("two.test.", "first.two.test."):
                NameServer.asked.clear()
                await names.exchangers("two.test")
                assert set(NameServer.asked) == {
                    ("two.test.", "MX"),
                    (host, "AAAA"),
                    (host, "A"),
                }
                later_s = time.time() + 61
                monkeypatch.setattr(time, "time", lambda now_s=later_s: now_s)

    asyncio.run(scenario())
