"""No client gets a name that people and certificate authorities take for the operator's."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chatmaild.accounts import credentials
from chatmaild.accounts.registration import check_name
from chatmaild.accounts.reserved import RESERVED
from chatmaild.address import parse_address
from chatmaild.errors import RegistrationRefused
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.passwords import hash_password

Play = Callable[[Any], None]
WEBMASTER = "WebMaster@chat.example.org"
PASSWORD = "secret-password"


@pytest.mark.parametrize(
    "name",
    [
        *("abuse", "noc", "security", "postmaster", "hostmaster", "webmaster", "www"),
        *("admin", "administrator", "ssladmin", "root", "info", "mailer-daemon"),
    ],
)
def test_reserved_names(name: str) -> None:
    """In any case of letters; a longer name is another one."""
    with pytest.raises(RegistrationRefused) as caught:
        check_name(parse_address(f"{name.upper()}@chat.example.org"))

    assert caught.value.code == "name-reserved"
    check_name(parse_address(f"{name}1@chat.example.org"))


def test_a_first_login_does_not_get_one(
    play: Play, mailboxes: Mailboxes, caplog: pytest.LogCaptureFixture
) -> None:
    """A failed login, counted, and logged without the name."""

    async def scenario(relay: Any) -> None:
        with caplog.at_level("INFO"):
            status, body = await relay.login(WEBMASTER, PASSWORD)
        assert (status, json.loads(body)["active"]) == (200, False)
        assert list(mailboxes.addresses()) == []
        metrics = (await relay.metrics()).encode()
        assert b'registrations_refused_total{reason="name-reserved"} 1' in metrics

    play(scenario)
    assert "registration rejected: the name is reserved" in caplog.text
    assert "webmaster" not in caplog.text.lower()


def test_an_account_of_the_operator_logs_in(play: Play, mailboxes: Mailboxes) -> None:
    """One that exists, made by `chatmail address create` or long ago."""
    mailboxes.create(parse_address(WEBMASTER), hash_password(PASSWORD.encode()), now_s=0)

    async def scenario(relay: Any) -> None:
        assert json.loads((await relay.login(WEBMASTER, PASSWORD))[1])["active"]

    play(scenario)


def test_new_does_not_offer_one(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another random name is drawn."""
    names: Iterator[str] = iter([*sorted(RESERVED), "free12345"])
    monkeypatch.setattr(credentials, "random_name", lambda _: next(names))

    async def scenario(relay: Any) -> None:
        status, _, body = await relay.web("POST", "/new", x_real_ip="192.0.2.1")

        assert (status, json.loads(body)["email"]) == (200, "free12345@chat.example.org")

    play(scenario)
