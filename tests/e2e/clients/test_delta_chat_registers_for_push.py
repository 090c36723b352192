"""The real Delta Chat core registers for push, and the notification server gets a request."""

from __future__ import annotations

from pathlib import Path

import pytest
from chatmail_testkit.peers.notifier import serving
from chatmail_testkit.people.login_links import login_link
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Target
from chatmail_testkit.waiting import wait_for
from delta_chat.library import library

DEVICE = "fcm-chat.delta:0123456789abcdef"


def test_new_mail_causes_a_push(alice: Person, target: Target, relay: str, tmp_path: Path) -> None:
    """The request holds core's token, encrypted for the notification server."""
    pytest.importorskip("deltachat.capi", reason="needs the package deltachat")
    with library(tmp_path / "accounts") as core, serving() as notifier:
        core.logs_in(login_link(target, relay), DEVICE)
        wait_for(lambda: core.is_push_connected, "a registered phone")
        token = core.config("encrypted_device_token")
        assert token.startswith("openpgp:")

        alice.sends(core.config("configured_addr"))

        wait_for(lambda: notifier.times_s(token), "a call")
