"""The policy of a relay with two accounts."""

import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from chatmaild.address import parse_address
from chatmaild.dkim.resolver import KeyCache, TxtAnswer
from chatmaild.dkim.signer import Signer
from chatmaild.errors import KeyUnavailableError
from chatmaild.filter.limits.memory import ByteBudget
from chatmaild.filter.limits.rates import DomainLimiter, RateLimiter
from chatmaild.filter.policy import Policy
from chatmaild.filter.recipients import RecipientLookup
from chatmaild.settings import Settings
from chatmaild.store.decisions.domains import Domains
from chatmaild.store.fullness import Fullness
from chatmaild.store.mail.room import Room
from chatmaild.store.mailboxes import Mailboxes

from .support.messages import ALICE, BOB
from .support.process import FdStore, Filter, Mta

NOW_S = int(time.time())


@pytest.fixture
def policy(settings: Settings, mailboxes: Mailboxes, dkim_key: rsa.RSAPrivateKey) -> Policy:
    """The policy of chat.example.org with the accounts of Alice and Bob."""
    for address in (ALICE, BOB):
        mailboxes.create(parse_address(address), "hash", now_s=NOW_S)
    return Policy(
        mail_domain=settings.mail_domain,
        flags=mailboxes,
        recipient_lookup=RecipientLookup(Fullness(mailboxes), Room(settings.sockets.quota_status)),
        domains=Domains(settings),
        limiter=RateLimiter(per_minute=1, burst=10),
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


@pytest.fixture
def slow_refill(settings_json: dict[str, Any]) -> None:
    """After its burst a sender waits for a minute: longer than a test takes on a busy machine."""
    settings_json["mail"]["messagesPerMinute"] = 1


@pytest.fixture
def settings_file(
    dkim_file: pathlib.Path,
    settings_json: dict[str, Any],
    mailboxes: Mailboxes,
    tmp_path: pathlib.Path,
) -> pathlib.Path:
    """The settings of a relay with the accounts of Alice and Bob."""
    for address in (ALICE, BOB):
        mailboxes.create(parse_address(address), "hash", now_s=0)
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings_json))
    return file


@pytest.fixture
def store(socket_directory: pathlib.Path) -> Iterator[FdStore]:
    """An empty file descriptor store."""
    store = FdStore(socket_directory / "notify")
    yield store
    store.close()


@pytest.fixture
def mta(served: Filter) -> Iterator[Mta]:
    """A negotiated connection."""
    connection = served.connection()
    yield connection
    connection.close()
