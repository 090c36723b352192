"""A first login that is refused for now has a reason; a wrong password has none."""

import json
import pathlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from chatmaild.accounts.limits import patience
from chatmaild.accounts.refusals import MOST, Refusals
from chatmaild.address import parse_address
from chatmaild.settings import Settings

ALICE = "alice1234@chat.example.org"
CLOSED = "[UNAVAILABLE] This relay takes no new addresses without an invitation."
Play = Callable[[Any], None]


async def _asked(relay: Any, user: str = ALICE, password: str = "secret-password") -> Any:
    """What the second question of Dovecot is answered."""
    form = urlencode({"grant_type": "password", "username": user, "password": password}).encode()
    status, body = await relay.post_login(
        form,
        "/refusal",
        x_dovecot_auth_remote="192.0.2.1:4711",
        x_dovecot_auth_protocol="imap",
    )
    assert status == 200
    return json.loads(body)


@pytest.fixture
def closed(settings: Settings) -> None:
    """The operator closed the relay."""
    pathlib.Path(settings.directories.accounts, "registration-closed").touch()


@pytest.mark.usefixtures("closed")
def test_a_closed_relay_says_why(play: Play) -> None:
    """Once, to this login alone."""

    async def scenario(relay: Any) -> None:
        _, body = await relay.login(ALICE, "secret-password")
        assert json.loads(body)["active"] is False

        assert (await _asked(relay, password="another-password"))["active"] is False
        answer = await _asked(relay)
        assert (answer["active"], answer["reason"]) == (True, CLOSED)
        assert (await _asked(relay))["active"] is False

    play(scenario)


def test_a_stopped_relay_says_why(play: Play, settings: Settings) -> None:
    """And a name that is not to be had, or a wrong password, is no matter of time."""

    async def scenario(relay: Any) -> None:
        await relay.login(ALICE, "secret-password")
        await relay.login(ALICE, "wrong-password")
        assert (await _asked(relay, password="wrong-password"))["active"] is False
        pathlib.Path(settings.registration.stop_file).touch()
        await relay.login("newone123@chat.example.org", "secret-password")
        answer = await _asked(relay, "newone123@chat.example.org")
        assert answer["reason"].startswith("[UNAVAILABLE] This relay takes no new addresses at")
        await relay.login("webmaster@chat.example.org", "secret-password")
        assert (await _asked(relay, "webmaster@chat.example.org"))["active"] is False

    play(scenario)


@pytest.mark.usefixtures("closed")
def test_postfix_has_to_wait(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than it does, so that it answers 454."""
    monkeypatch.setattr(patience, "PATIENCE_S", 0.3)
    monkeypatch.setattr(patience, "RETRY_S", 0.1)

    async def scenario(relay: Any) -> None:
        import time

        await relay.login(ALICE, "secret-password")
        form = urlencode({"username": ALICE, "password": "secret-password"}).encode()
        start_s = time.monotonic()
        _, body = await relay.post_login(form, "/refusal", x_dovecot_auth_protocol="smtp")

        assert time.monotonic() - start_s >= 0.3
        assert json.loads(body)["reason"] == CLOSED

    play(scenario)


@pytest.mark.parametrize("body", [b"", b"username=a", b"\xff", b"username=x&password=y"])
def test_odd_questions_are_answered(play: Play, body: bytes) -> None:
    """With a failure."""

    async def scenario(relay: Any) -> None:
        status, answer = await relay.post_login(body, "/refusal")
        assert status == 400 or json.loads(answer)["active"] is False

    play(scenario)


def test_the_memory_is_bounded() -> None:
    """Strangers fill it; the oldest is forgotten."""
    refusals, alice = Refusals(), parse_address(ALICE)
    for number in range(MOST + 1):
        refusals.add(alice, str(number).encode(), "closed")

    assert refusals.take(alice, b"0") is None
    assert refusals.take(alice, b"1") == CLOSED


def test_two_logins_at_once_both_hear_the_reason() -> None:
    """A client logs in for IMAP and SMTP; each login has one answer."""
    refusals = Refusals()
    alice = parse_address(ALICE)
    for _ in range(2):
        refusals.add(alice, b"secret-password", "closed")

    taken = [refusals.take(alice, b"secret-password") for _ in range(3)]
    assert taken == [CLOSED, CLOSED, None]
