"""Addresses that apps create by themselves have a budget of their own, and people do not notice."""

import dataclasses
import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from chatmaild.accounts.credentials import random_password
from chatmaild.accounts.limits.automatic import HOUR_S, Automatic, is_automatic, part_of_machine
from chatmaild.errors import RegistrationRefused
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes

Play = Callable[[Any], None]
BY_ITSELF = "aB3" + "x" * 20
BY_HAND = "aB3" + "x" * 19
REFUSED = "[UNAVAILABLE] This relay takes no addresses that apps create by themselves."
ENOUGH = "[UNAVAILABLE] Apps have created enough addresses here by themselves for now."


class Clock:
    """Seconds that a test sets."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def _name(number: int) -> str:
    return f"user{number:05}@chat.example.org"


async def _reason(relay: Any, user: str) -> str:
    """Return what the client is told after the failed login."""
    form = urlencode({"grant_type": "password", "username": user, "password": BY_ITSELF})
    _, body = await relay.post_login(form.encode(), "/refusal", x_dovecot_auth_protocol="imap")
    return str(json.loads(body)["reason"])


async def _is_let_in(relay: Any, user: str, password: str) -> bool:
    status, body = await relay.login(user, password)
    assert status == 200
    return bool(json.loads(body)["active"])


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        (BY_ITSELF, True),
        (BY_HAND, False),
        (BY_ITSELF + "x", False),
        ("-" + "x" * 22, False),
        ("ä" + "x" * 21, False),
        ("ä" + "x" * 22, False),
    ],
)
def test_the_mark_is_a_password_of_23_letters_and_digits(password: str, expected: bool) -> None:
    """Counted in bytes: Delta Chat takes ASCII letters and digits."""
    assert is_automatic(password.encode()) == expected


@pytest.mark.parametrize("shortest", range(1, 23))
def test_new_never_offers_the_mark(settings: Settings, shortest: int) -> None:
    """Also where the shortest password would make it as long: people asked for that address."""
    limits = dataclasses.replace(settings.accounts, password_min_length=shortest)

    assert len(random_password(limits)) not in (*range(shortest), 23)


def test_an_hour_has_so_many() -> None:
    """The window slides: the budget of one minute is back an hour later."""
    clock = Clock()
    automatic = Automatic(2, clock)
    for minute in (0, 30):
        clock.now_s = minute * 60.0
        with automatic.creation():
            pass
    clock.now_s = HOUR_S - 1
    with pytest.raises(RegistrationRefused, match="automatic-limit"), automatic.creation():
        pytest.fail("created")
    clock.now_s = HOUR_S
    with automatic.creation():
        pass
    with pytest.raises(RegistrationRefused), automatic.creation():
        pytest.fail("created")


@pytest.mark.parametrize(
    ("role", "machine", "limit", "expected"),
    [
        ("all", None, 20, 20),
        ("front", "front1", 20, 20),
        ("store", "store1", 20, 5),
        ("store", "store2", 20, 15),
        ("store", "store1", 1, 1),
        ("store", "store3", 20, 20),
        ("store", "store1", "refuse", "refuse"),
    ],
)
def test_stores_share_the_budget(
    settings: Settings, role: Any, machine: str | None, limit: Any, expected: Any
) -> None:
    """As they share the new addresses; one that gets none needs none."""
    placements = ({"store1": 1, "store2": 3}, {"store3": 1})
    cluster = dataclasses.replace(
        settings.cluster, role=role, machine=machine, placements=placements
    )
    registration = dataclasses.replace(settings.registration, automatic=limit)
    here = dataclasses.replace(settings, cluster=cluster, registration=registration)

    assert part_of_machine(here) == expected


def test_what_fails_costs_nothing() -> None:
    """A busy disk or network is tried every second."""
    automatic = Automatic(1, Clock())
    for _ in range(20):
        with pytest.raises(OSError, match="full"), automatic.creation():
            raise OSError("full")

    with automatic.creation():
        pass


def test_creations_at_the_same_time_share_the_budget() -> None:
    """The second begins before the first has ended."""
    automatic = Automatic(1, Clock())

    with (
        automatic.creation(),
        pytest.raises(RegistrationRefused, match="automatic-limit"),
        automatic.creation(),
    ):
        pytest.fail("created")


def test_apps_create_as_many_as_they_like_by_default(play: Play) -> None:
    """They are counted apart."""

    async def scenario(relay: Any) -> None:
        for number in range(3):
            assert await _is_let_in(relay, _name(number), BY_ITSELF)
        assert await _is_let_in(relay, _name(3), BY_HAND)
        page = await relay.metrics()
        assert 'chatmail_addresses_created_total{kind="automatic"} 3' in page
        assert 'chatmail_addresses_created_total{kind="user"} 1' in page

    play(scenario)


@pytest.fixture
def two_an_hour(settings_json: dict[str, Any]) -> None:
    """The operator allows two."""
    settings_json["registration"]["automatic"] = 2


@pytest.mark.usefixtures("two_an_hour")
def test_a_number_limits_apps_alone(
    play: Play, mailboxes: Mailboxes, caplog: pytest.LogCaptureFixture
) -> None:
    """People, tests and existing addresses go on; no log line names the address."""

    async def scenario(relay: Any) -> None:
        for number in range(2):
            assert await _is_let_in(relay, _name(number), BY_ITSELF)
        assert not await _is_let_in(relay, _name(2), BY_ITSELF)
        assert (await _reason(relay, _name(2))).startswith(ENOUGH)
        assert await _is_let_in(relay, _name(2), BY_HAND)
        assert await _is_let_in(relay, _name(0), BY_ITSELF)
        assert await _is_let_in(relay, "ci-000001@chat.example.org", BY_ITSELF)
        assert (await relay.web("POST", "/new"))[0] == 200
        assert len(list(mailboxes.addresses())) == 4
        page = await relay.metrics()
        assert 'chatmail_registrations_refused_total{reason="automatic-limit"} 1' in page

    with caplog.at_level(logging.INFO):
        play(scenario)
    assert "registration rejected: 2 automatic addresses in an hour" in caplog.text
    assert "user00002" not in caplog.text


@pytest.fixture
def none_at_all(settings_json: dict[str, Any]) -> None:
    """The operator refuses them."""
    settings_json["registration"]["automatic"] = "refuse"


@pytest.mark.usefixtures("none_at_all")
def test_refuse_means_none(play: Play, mailboxes: Mailboxes) -> None:
    """At once, temporary, and with the reason; a person gets an address."""

    async def scenario(relay: Any) -> None:
        assert not await _is_let_in(relay, _name(0), BY_ITSELF)
        assert await _reason(relay, _name(0)) == REFUSED
        assert list(mailboxes.addresses()) == []
        assert await _is_let_in(relay, _name(0), BY_HAND)
        page = await relay.metrics()
        assert 'chatmail_registrations_refused_total{reason="automatic"} 1' in page

    play(scenario)
