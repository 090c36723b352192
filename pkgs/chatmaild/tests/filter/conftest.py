"""The policy of a relay with two accounts."""

import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from chatmaild.address import parse_address
from chatmaild.dkim.resolver import KeyCache, TxtAnswer
from chatmaild.dkim.signer import Signer
from chatmaild.errors import KeyUnavailableError
from chatmaild.filter.policy import ByteBudget, Policy
from chatmaild.filter.rate_limit import DomainLimiter, RateLimiter
from chatmaild.filter.recipients import RecipientLookup
from chatmaild.settings import Settings
from chatmaild.store.decisions.domains import Domains
from chatmaild.store.fullness import Fullness
from chatmaild.store.mailboxes import Mailboxes

from .support.messages import ALICE, BOB

NOW_S = int(time.time())


@pytest.fixture
def policy(settings: Settings, mailboxes: Mailboxes, dkim_key: rsa.RSAPrivateKey) -> Policy:
    """The policy of chat.example.org with the accounts of Alice and Bob."""
    for address in (ALICE, BOB):
        mailboxes.create(parse_address(address), "hash", now_s=NOW_S)
    fullness = Fullness(mailboxes)
    return Policy(
        mail_domain=settings.mail_domain,
        flags=mailboxes,
        recipient_lookup=RecipientLookup(fullness, settings.sockets.quota_status),
        domains=Domains(settings),
        limiter=RateLimiter(per_minute=60, burst=10),
        domain_limiter=DomainLimiter(per_message=3, per_minute=5),
        signer=Signer(domain=settings.mail_domain, selector=settings.dkim.selector, key=dkim_key),
        keys=KeyCache(query=no_dns),
        header_budget=ByteBudget(1 << 20),
        clock=lambda: NOW_S,
        monotonic=lambda: 0.0,
    )


def no_dns(_: str) -> TxtAnswer:
    """Fail as if DNS is down."""
    raise KeyUnavailableError("down")
