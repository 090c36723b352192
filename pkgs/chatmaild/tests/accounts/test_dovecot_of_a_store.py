"""The second check of a login: a front's Dovecot logs in at the Dovecot of a store."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from chatmaild.accounts import login as module
from chatmaild.accounts.limits import patience
from chatmaild.address import parse_address
from chatmaild.settings import Settings
from chatmaild.store.decisions.notice import file_of
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.passwords import hash_password

Play = Callable[[Any], None]
ALICE = "alice1234@chat.example.org"
ACCOUNT = parse_address(ALICE)
GOOD = {"access_token": "x", "user": ALICE, "active": True, "reason": ""}
WRONG = GOOD | {"active": False}
FRONT = "fd00::1"

pytestmark = pytest.mark.usefixtures("of_store")


async def checked(relay: Any, password: str) -> Any:
    """The answer to a check that a front has made before."""
    form = urlencode({"username": ALICE, "password": password}).encode()
    headers = {"x_client_address": "192.0.2.1"}
    assert (await relay.front("POST", "/first-login", form, **headers))[0] == 200
    status, body = await relay.login(ALICE, password, FRONT)
    return json.loads(body) if status == 200 else status


@pytest.mark.usefixtures("no_refill")
def test_it_is_known_and_has_no_limit(
    play: Play, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No hash is computed, nothing is counted twice, and the notice comes from the store."""

    async def scenario(relay: Any) -> None:
        assert await checked(relay, "secret-password") == GOOD
        before = await relay.metrics()
        monkeypatch.setattr(module, "MAX_WAITING", 0)
        for _ in range(3):
            assert json.loads((await relay.login(ALICE, "secret-password", FRONT))[1]) == GOOD
        monkeypatch.undo()
        for number in range(120):
            _, body = await relay.login(ALICE, f"password-{number}", FRONT)
            assert json.loads(body) == WRONG
        file_of(settings).write_text('{"text": "Moved"}')
        _, body = await relay.login(ALICE, "secret-password", "fd00:0::0:1")
        assert json.loads(body) == GOOD | {"reason": "Moved"}
        for name in ("logins_total", "addresses_created"):
            assert lines(before, name) == lines(await relay.metrics(), name)

    play(scenario)


def lines(metrics: str, name: str) -> list[str]:
    """The lines of one family."""
    found = [line for line in metrics.splitlines() if line.startswith(f"chatmail_{name}")]
    assert found
    return found


def test_another_password_counts_at_once(play: Play, mailboxes: Mailboxes) -> None:
    """The memory of checked passwords does not outlive the stored hash."""

    async def scenario(relay: Any) -> None:
        assert await checked(relay, "secret-password") == GOOD
        mailboxes.set_password_hash(ACCOUNT, hash_password(b"changed-password"), now_s=0)
        assert json.loads((await relay.login(ALICE, "secret-password", FRONT))[1]) == WRONG
        assert json.loads((await relay.login(ALICE, "changed-password", FRONT))[1]) == GOOD
        mailboxes.set_password_hash(ACCOUNT, "", now_s=0)
        assert json.loads((await relay.login(ALICE, "changed-password", FRONT))[1]) == WRONG

    play(scenario)


def test_an_account_that_is_not_here_is_temporary(
    play: Play, mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has moved; nobody creates one here but by the API for fronts."""
    monkeypatch.setattr(patience, "PATIENCE_S", 0.0)

    async def scenario(relay: Any) -> None:
        for ip in (FRONT, "127.0.0.1", "192.0.2.1"):
            assert (await relay.login(ALICE, "secret-password", ip))[0] == 503
        assert json.loads((await relay.login("x", "secret-password", FRONT))[1])["active"] is False
        assert list(mailboxes.addresses()) == []

    play(scenario)


@pytest.mark.usefixtures("no_refill")
def test_others_have_the_limits_of_their_network(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on the store itself, such as an operator with doveadm."""
    monkeypatch.setattr(patience, "PATIENCE_S", 0.0)

    async def scenario(relay: Any) -> None:
        assert await checked(relay, "secret-password") == GOOD
        for number in range(10):
            assert json.loads((await relay.login(ALICE, f"password-{number}"))[1]) == WRONG | {
                "user": ALICE
            }
        assert (await relay.login(ALICE, "secret-password"))[0] == 503
        assert json.loads((await relay.login(ALICE, "secret-password", FRONT))[1]) == GOOD

    play(scenario)
