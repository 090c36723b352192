"""Decides how far a message gets over HTTPS, and what Postfix is told about it.

* 250: a host has it.
* 4yz: nobody has it as far as is known; Postfix goes on to the next nexthop, which is plain SMTP,
  and keeps it in its queue if that fails as well.
* 5yz: only if a host refused the message over HTTPS, SMTP then had its chance and did not settle
  it, and the host refuses it again. So a host whose SMTP works always decides there, and the sender
  of a message to a host without SMTP learns the reason in minutes instead of days.
"""

import asyncio
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
from chatmaild.transport.outbound.https_client import Client
from chatmaild.transport.outbound.outcome import (
    Answered,
    Broken,
    Delivered,
    Outcome,
    TooLarge,
    Unusable,
    in_words,
)
from chatmaild.wire.smtp_reply import Reply

_log = logging.getLogger(__name__)

OK = Reply(code=250, text="OK (HTTPS)")
NOT_NOW = Reply(code=451, text="4.4.1 No host took the message over HTTPS")
NO_HOST = Reply(code=451, text="4.4.3 No host to ask over HTTPS")
# Postfix tries a message again after 30 s at the earliest (minimal_backoff_time); what comes back
# sooner is another recipient's copy, not one that SMTP could not settle
SMTP_HAD_ITS_CHANCE_S = 30.0
MAX_REFUSALS = 10_000
# a web server that died is back by then: NixOS starts nginx anew after 10 s
BACK_WITHIN_S = 15.0
RETRY_EVERY_S = 0.5


class Refusals:
    """Messages that a host refused over HTTPS, by a digest."""

    def __init__(self) -> None:
        self._first_s: Bounded[bytes, float] = Bounded(MAX_REFUSALS)

    def is_final(self, key: bytes, now_s: float) -> bool:
        """Whether this refusal repeats one after which SMTP had its chance."""
        first_s = self._first_s.get(key)
        if first_s is None:
            first_s = self._first_s[key] = now_s
        return now_s - first_s >= SMTP_HAD_ITS_CHANCE_S


class Delivery:
    """Delivers messages over HTTPS.

    Args:
        resolver: names the hosts of a domain.
        client: talks to a host.
        destinations: the memory that Postfix asks, too.
        counters: for each kind of outcome.
        clock_s: monotonic seconds.
    """

    def __init__(
        self,
        resolver: Resolver,
        client: Client,
        destinations: Destinations,
        *,
        counters: Counters,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = resolver
        self._client = client
        self._destinations = destinations
        self._counters = counters
        self._clock_s = clock_s
        self._refusals = Refusals()

    async def deliver(self, envelope: Envelope, message: Message) -> Reply:
        """Deliver to recipients of one domain and say what Postfix is told."""
        domain = domain_of(envelope.recipients[0])
        try:
            hosts = await self._resolver.exchangers(domain)
        except NoExchangerError:
            return NO_HOST
        tried = False
        for host in hosts:
            if not self._destinations.worth_trying(
                host.name, domain, message.size_bytes, self._clock_s()
            ):
                continue
            tried = True
            outcome = await self._offer(host, envelope, message)
            reply = self._learn(host, domain, outcome, envelope, message)
            if reply is not None:
                return reply
        self._destinations.domain_fails(domain, self._clock_s(), tried=tried)
        return NOT_NOW

    async def _offer(self, host: Exchanger, envelope: Envelope, message: Message) -> Outcome:
        started_s = self._clock_s()
        outcome = await self._client.post(host, envelope, message)
        if isinstance(outcome, Broken) and not outcome.timed_out:
            outcome = await self._offer_again(host, envelope, message)
        self._counters.add("https_out", outcome=type(outcome).__name__.lower())
        # who writes to which domain, and when, is nobody's business while it works
        _log.log(
            logging.DEBUG if isinstance(outcome, Delivered) else logging.INFO,
            "%s: %s in %.0f ms",
            "address literal" if is_ip_address(host.name) else host.name,
            in_words(outcome),
            1000 * (self._clock_s() - started_s),
        )
        return outcome

    async def _offer_again(self, host: Exchanger, envelope: Envelope, message: Message) -> Outcome:
        """Ask a host that may have the message.

        Mostly it just closed a kept-open connection. If it did take the message, relays like this
        one recognise it; others double it, as SMTP would (RFC 1047). A port that nobody listens on
        is that of a web server which died in the middle and is about to return.
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
        """Remember what the outcome says about the host; None when the next host is to be tried."""
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
                # no other host is asked: this one may have the message
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
