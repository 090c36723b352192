"""One budget of new addresses per network, whichever way they come."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from chatmaild.accounts.limits import patience
from chatmaild.accounts.limits.creations import Creations
from chatmaild.address import parse_address
from chatmaild.errors import TooManyError
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes

Play = Callable[[Any], None]
PASSWORD = "secret-password"
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would wait is answered at once."""
    monkeypatch.setattr(patience, "PATIENCE_S", 0.0)


@pytest.mark.usefixtures("no_refill", "no_patience")
def test_first_logins_are_limited_like_new(play: Play, mailboxes: Mailboxes) -> None:
    """Five at once; then a temporary failure, in which nothing is made. Logins go on."""

    async def scenario(relay: Any) -> None:
        names = [f"user{number:05}@chat.example.org" for number in range(40)]
        statuses = [(await relay.login(name, PASSWORD, HERE))[0] for name in names]

        assert statuses[:5] == [200] * 5
        assert set(statuses[6:]) == {503}
        assert len(list(mailboxes.addresses())) in (5, 6)
        assert (await relay.web("POST", "/new", x_real_ip=HERE))[0] == 429
        assert json.loads((await relay.login(names[0], PASSWORD, HERE))[1])["active"]
        assert json.loads((await relay.login(names[-1], PASSWORD, ELSEWHERE))[1])["active"]

    play(scenario)


def test_a_first_login_waits_for_its_turn(play: Play) -> None:
    """Two a second: the next one is made within a second or two."""

    async def scenario(relay: Any) -> None:
        names = [f"user{number:05}@chat.example.org" for number in range(6)]
        answers = [await relay.login(name, PASSWORD, HERE) for name in names]

        assert [json.loads(body)["active"] for _, body in answers] == [True] * 6

    play(scenario)


@pytest.mark.usefixtures("no_patience")
def test_an_offered_address_is_paid_for(play: Play) -> None:
    """By `/new`; five people behind one IP address can scan the code at once."""

    async def scenario(relay: Any) -> None:
        answers = [await relay.web("POST", "/new", x_real_ip=HERE) for _ in range(5)]
        for _, _, body in answers:
            offered = json.loads(body)
            login = await relay.login(offered["email"], offered["password"], HERE)
            assert json.loads(login[1])["active"]

    play(scenario)


@pytest.mark.parametrize("is_offered", [False, True])
def test_a_login_that_is_not_the_first_one_costs_nothing(
    settings: Settings, *, is_offered: bool
) -> None:
    """What was paid is given back: by a token, or as an offer. Meanwhile it is taken."""
    limits = dataclasses.replace(settings.registration, per_ip_burst=1)
    budget = Creations(limits, clock=lambda: 0.0)
    alice = parse_address("alice1234@chat.example.org")
    if is_offered:
        budget.pay(HERE)
        budget.offer(alice)
    for _ in range(3):
        with pytest.raises(TooManyError), budget.first_login(alice, HERE):
            budget.pay_first_login(alice, HERE)

    with budget.first_login(alice, HERE) as attempt:
        attempt.is_first = True
    with pytest.raises(TooManyError), budget.first_login(alice, HERE):
        pass


def test_an_offer_counts_once(settings: Settings) -> None:
    """A deleted address that is made anew costs its token."""
    limits = dataclasses.replace(settings.registration, per_ip_burst=2)
    budget = Creations(limits, clock=lambda: 0.0)
    alice = parse_address("alice1234@chat.example.org")
    budget.pay(HERE)
    budget.offer(alice)

    budget.pay_first_login(alice, HERE)
    budget.pay_first_login(alice, HERE)
    with pytest.raises(TooManyError):
        budget.pay_first_login(alice, HERE)
