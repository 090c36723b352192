"""Delta Chat shows the reason for which a relay makes no address, and not a wrong password."""

from __future__ import annotations

from pathlib import Path

import pytest
from chatmail_testkit.people.login_links import login_link
from chatmail_testkit.relays.target import Machine, Target
from delta_chat.server import core
from deltachat_rpc_client.rpc import JsonRpcError

pytestmark = pytest.mark.disturbs


def test_the_person_reads_the_reason(
    machine: Machine, target: Target, relay: str, tmp_path: Path
) -> None:
    """As the relay gives it over IMAP."""
    machine.run("chatmail", "registration", "close")
    try:
        with core(tmp_path / "core") as chats, pytest.raises(JsonRpcError) as failure:
            chats.add_account().add_transport_from_qr(login_link(target, relay))
    finally:
        machine.run("chatmail", "registration", "open")

    assert "This relay takes no new addresses without an invitation." in str(failure.value)
