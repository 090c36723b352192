"""The name of a deleted address is nobody's until its time is over."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chatmaild import expire
from chatmaild.accounts import credentials, lifecycle
from chatmaild.accounts.web.language import LANGUAGES, sentence
from chatmaild.address import parse_address
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes

Play = Callable[[Any], None]
ALICE = "alice1234@chat.example.org"
ACCOUNT = parse_address(ALICE)
PASSWORD = "secret-password"


def test_a_first_login_does_not_get_it(
    play: Play, mailboxes: Mailboxes, caplog: pytest.LogCaptureFixture
) -> None:
    """With the old password neither: other devices of the owner must not make it anew."""
    body = json.dumps({"address": ALICE, "password": PASSWORD}).encode()

    async def scenario(relay: Any) -> None:
        await relay.login(ALICE, PASSWORD)
        deleted = await relay.web(
            "POST", "/account/delete", body, content_type="application/json", x_real_ip="192.0.2.1"
        )
        assert deleted[0] == 200
        with caplog.at_level("INFO"):
            for password in (PASSWORD, "other-password"):
                status, answer = await relay.login(ALICE, password)
                assert (status, json.loads(answer)["active"]) == (200, False)
        assert list(mailboxes.addresses()) == []
        metrics = (await relay.metrics()).encode()
        assert b'registrations_refused_total{reason="name-deleted"} 2' in metrics

    play(scenario)
    assert "alice" not in caplog.text


def test_new_does_not_offer_it(
    play: Play, settings: Settings, mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should it find the name by chance."""
    mailboxes.create(ACCOUNT, "hash", now_s=0)
    lifecycle.delete(settings, ACCOUNT, keep_name=True)
    names = iter(["alice1234", "bob123456"])
    monkeypatch.setattr(credentials, "random_name", lambda _: next(names))

    async def scenario(relay: Any) -> None:
        _, _, body = await relay.web("POST", "/new", x_real_ip="192.0.2.1")
        assert json.loads(body)["email"] == "bob123456@chat.example.org"

    play(scenario)


def test_an_address_that_nobody_used_is_free_again(
    play: Play, settings: Settings, mailboxes: Mailboxes
) -> None:
    """Its time was over when it was deleted."""
    mailboxes.create(ACCOUNT, "hash", now_s=0)
    expire.run(settings, dry_run=False, verbose=False)
    assert not mailboxes.exists(ACCOUNT)

    async def scenario(relay: Any) -> None:
        assert json.loads((await relay.login(ALICE, PASSWORD))[1])["active"]

    play(scenario)


def test_the_reason_is_told_in_every_language() -> None:
    """To the programs that show it."""
    assert len({sentence("name-deleted", language) for language in LANGUAGES}) == len(LANGUAGES)
