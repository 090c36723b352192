"""Delivers a message over HTTPS and chooses the SMTP reply to Postfix.

* 250: a host accepted the message.
* 4yz: no host is known to have accepted it. Postfix tries the next nexthop, which is SMTP, and
  queues the message if that fails, too.
* 5yz: a host refused the message over HTTPS, Postfix then tried SMTP without success, and the host
  refused it again. So a host that speaks SMTP decides over SMTP, and a sender to a host without
  SMTP gets the reason in minutes, not days.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from chatmaild.address import domain_of
from chatmaild.bounded import Bounded
from chatmaild.metrics import Counters
from chatmaild.transport.envelope import Envelope
from chatmaild.transport.message import Message
from chatmaild.transport.outbound.destinations import Destinations
from chatmaild.transport.outbound.exchangers import (
    Exchanger,
    NoExchangerError,
    Resolver,
    is_ip_address,
)
from chatmaild.transport.outbound.https_client import SLOWEST_BYTES_PER_S, Client
from chatmaild.transport.outbound.outcome import (
    Answered,
    Broken,
    Busy,
    Delivered,
    Outcome,
    TooLarge,
    Unusable,
    in_words,
)
from chatmaild.wire.smtp.reply import Reply

_log = logging.getLogger(__name__)

OK = Reply(code=250, text="OK (HTTPS)")
NOT_NOW = Reply(code=451, text="4.4.1 No host took the message over HTTPS")
BUSY = Reply(code=451, text="4.3.2 Too many deliveries wait at this IP address")
NO_HOST = Reply(code=451, text="4.4.3 No host to ask over HTTPS")
# Postfix retries after 30 s or more (minimal_backoff_time); a message that returns sooner is
# the copy for another recipient
SMTP_HAD_ITS_CHANCE_S = 30.0
MAX_REFUSALS = 10_000
# look-ups for messages that are expected; more wait until they are delivered
MAX_PREPARING = 20
# NixOS restarts a dead nginx after 10 s
BACK_WITHIN_S = 15.0
RETRY_EVERY_S = 0.5
# a peer answers within a second; below CONNECT_S, so that a failed connection counts
STALL_S = 4.0


class Refusals:
    """Messages that a host refused over HTTPS, by digest."""

    def __init__(self) -> None:
        self._first_s: Bounded[bytes, float] = Bounded(MAX_REFUSALS)

    def is_final(self, key: bytes, now_s: float) -> bool:
        """Whether the message was refused before, so long ago that SMTP was tried since."""
        first_s = self._first_s.get(key)
        if first_s is None:
            first_s = self._first_s[key] = now_s
        return now_s - first_s >= SMTP_HAD_ITS_CHANCE_S


class Delivery:
    """Delivers messages over HTTPS.

    Args:
        resolver: finds the hosts of a domain.
        client: posts to a host.
        destinations: what is known of domains and hosts.
        counters: counts outcomes.
        clock_s: monotonic seconds.
        without_https: is called with a domain that takes no mail over HTTPS.
    """

    def __init__(
        self,
        resolver: Resolver,
        client: Client,
        destinations: Destinations,
        *,
        counters: Counters,
        clock_s: Callable[[], float] = time.monotonic,
        without_https: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._resolver = resolver
        self._client = client
        self._destinations = destinations
        self._counters = counters
        self._clock_s = clock_s
        self._without_https = without_https
        self._refusals = Refusals()
        self._preparing: dict[str, asyncio.Task[None]] = {}

    def prepare(self, domain: str) -> None:
        """Find the first host of a domain and connect to it: a client is sending a message for it.

        The limits of deliveries hold: networks, waiting per IP address, pauses after failures.
        """
        if domain in self._preparing or len(self._preparing) >= MAX_PREPARING:
            return
        task = self._preparing[domain] = asyncio.create_task(self._prepare(domain))
        task.add_done_callback(lambda _: self._preparing.pop(domain))

    async def _prepare(self, domain: str) -> None:
        now_s = self._clock_s()
        with contextlib.suppress(NoExchangerError):
            host, *_ = await self._resolver.exchangers(domain)
            is_first = self._destinations.is_https_first(domain, now_s)
            if is_first and self._destinations.worth_trying(host.name, domain, 0, now_s):
                self._client.prepare(host)

    async def deliver(self, envelope: Envelope, message: Message) -> Reply:
        """Deliver to recipients of one domain; return the reply for Postfix."""
        domain = domain_of(envelope.recipients[0])
        self._destinations.offered_over_https(domain, self._clock_s())
        if (preparing := self._preparing.get(domain)) is not None:
            await asyncio.wait([preparing])
        try:
            hosts = await self._resolver.exchangers(domain)
        except NoExchangerError:
            return NO_HOST
        tried = busy = False
        for host in hosts:
            if not self._destinations.worth_trying(
                host.name, domain, message.size_bytes, self._clock_s()
            ):
                continue
            outcome = await self._offer(host, envelope, message)
            if isinstance(outcome, Busy):
                busy = True
                continue
            tried = True
            reply = self._learn(host, domain, outcome, envelope, message)
            if reply is not None:
                return reply
        if busy and not tried:
            return BUSY
        self._destinations.domain_fails(domain, self._clock_s(), tried=tried)
        self._without_https(domain)
        return NOT_NOW

    async def _offer(self, host: Exchanger, envelope: Envelope, message: Message) -> Outcome:
        started_s = self._clock_s()
        domain = domain_of(envelope.recipients[0])
        in_time_s = STALL_S + message.size_bytes / SLOWEST_BYTES_PER_S
        stall = asyncio.get_running_loop().call_later(in_time_s, self._destinations.stalls, domain)
        try:
            outcome = await self._client.post(host, envelope, message)
            if isinstance(outcome, Broken) and not outcome.timed_out:
                outcome = await self._offer_again(host, envelope, message)
        finally:
            stall.cancel()
        if isinstance(outcome, Delivered | Answered) and self._clock_s() < started_s + in_time_s:
            network = self._client.network(host)
            if network:
                self._destinations.answers(domain, network, self._clock_s())
        took_s = self._clock_s() - started_s
        self._counters.add("https_out", outcome=type(outcome).__name__.lower())
        if isinstance(outcome, Delivered):
            self._counters.observe("https_out_seconds", took_s)
        # privacy: successful deliveries are not logged
        _log.log(
            logging.DEBUG if isinstance(outcome, Delivered) else logging.INFO,
            "%s: %s in %.0f ms",
            "address literal" if is_ip_address(host.name) else host.name,
            in_words(outcome),
            1000 * took_s,
        )
        return outcome

    async def _offer_again(self, host: Exchanger, envelope: Envelope, message: Message) -> Outcome:
        """Post again to a host that may have accepted the message.

        Usually it closed an idle connection. If it accepted the message, a relay like this one
        recognises the repetition; others deliver twice, as with SMTP (RFC 1047). A refused
        connection means that its web server died and will restart.
        """
        for _ in range(int(BACK_WITHIN_S / RETRY_EVERY_S)):
            outcome = await self._client.post(host, envelope, message)
            if not (isinstance(outcome, Unusable) and outcome.refused):
                return outcome
            await asyncio.sleep(RETRY_EVERY_S)
        return Broken(timed_out=False)

    def _learn(
        self, host: Exchanger, domain: str, outcome: Outcome, envelope: Envelope, message: Message
    ) -> Reply | None:
        """Record the outcome for the host; return None if the next host should be tried."""
        match outcome:
            case Delivered() | Answered() | TooLarge():
                self._destinations.host_answers(host.name)
                self._destinations.domain_answers(domain)
            case _:
                self._destinations.host_fails(host.name, self._clock_s())
        match outcome:
            case Delivered():
                return OK
            case Answered(reply):
                return self._refused(reply, host, domain, envelope, message)
            case TooLarge():
                self._destinations.too_large(host.name, message.size_bytes, self._clock_s())
                return NOT_NOW
            case Broken():
                # no other host is tried: this one may have the message
                self._destinations.domain_fails(domain, self._clock_s(), tried=True)
                return NOT_NOW
            case _:
                return None

    def _refused(
        self, reply: Reply, host: Exchanger, domain: str, envelope: Envelope, message: Message
    ) -> Reply:
        text = f"{reply.text} (forwarded from {host.name})"
        for_all = len(envelope.recipients) == 1 or not reply.about_one_recipient
        key = b"\0".join((message.digest, domain.encode(), envelope.sender.encode()))
        if reply.permanent and for_all and self._refusals.is_final(key, self._clock_s()):
            return Reply(code=reply.code, text=text)
        return Reply(code=451, text=f"4.7.0 Not taken over HTTPS: {reply.code} {text}")
