"""`chatmail registration` and `chatmail invite`."""

import pathlib
import time
from dataclasses import replace

import pytest

from chatmaild.accounts.limits.automatic import Limit
from chatmaild.operator import registration
from chatmaild.settings import Settings
from chatmaild.store.invites import Invites

from .conftest import Chatmail


def test_registration_is_closed_and_opened(chatmail: Chatmail, settings: Settings) -> None:
    """And the status says what is in the way."""
    assert chatmail("registration", "status")[1][0] == "open"
    assert chatmail("registration", "close")[1][0] == "closed: only with an invite"
    assert chatmail("registration", "status")[1][0] == "closed: only with an invite"
    pathlib.Path(settings.registration.stop_file).touch()
    assert "stopped: " in chatmail("registration", "status")[1][1]
    assert chatmail("registration", "open")[1][0] == "open"
    assert chatmail("registration", "status")[1][0] == "open"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("allow", "apps may create addresses by themselves"),
        ("refuse", "apps may not create addresses by themselves"),
        (1, "apps may create one address an hour by themselves"),
        (20, "apps may create 20 addresses an hour by themselves"),
    ],
)
def test_the_status_says_what_apps_may_do(value: Limit, sentence: str, settings: Settings) -> None:
    """After open or closed, and what is in the way."""
    chosen = replace(settings, registration=replace(settings.registration, automatic=value))

    assert registration.status(chosen)[-1] == sentence


def test_invites(chatmail: Chatmail, settings: Settings) -> None:
    """A link is printed, listed and revoked."""
    code, (link,) = chatmail("invite", "create", "--uses", "5", "--expires", "7d")
    assert code == 0
    assert link.startswith("DCACCOUNT:https://chat.example.org/new?")

    (line,) = chatmail("invite", "list")[1]

    assert line.startswith(f"{link}  5 uses left, until 20")
    (invite,) = Invites.of(settings).all()
    assert 7 * 86400 - 60 < (invite.expires_s or 0) - time.time() <= 7 * 86400
    assert chatmail("invite", "revoke", link) == (0, ["revoked"])
    assert chatmail("invite", "list") == (0, [])
