"""The real Delta Chat core reads the content of a relay's QR codes, without further questions.

Core trusts its built-in authorities and not the lab's. So it uses `/new` of a relay without a
trusted certificate; test_an_invite_link_gives_an_address.py covers `/new` of the others.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from chatmail_testkit.people.login_links import login_link
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.lab import LabTarget
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.traces.ledger import record
from chatmail_testkit.web.client import request
from delta_chat.server import core, login_of
from deltachat_rpc_client import Account, DeltaChat
from deltachat_rpc_client.rpc import JsonRpcError

TURN = "/shared/vendor/deltachat/turn"


@pytest.fixture
def chats(tmp_path: Path) -> Iterator[DeltaChat]:
    """A core without a profile."""
    with core(tmp_path / "accounts") as running:
        yield running


@pytest.fixture
def doorkeeper(lab: LabTarget, untrusted: str) -> Machine:
    """The host of that relay."""
    return lab.machine(untrusted)


@pytest.mark.parametrize("code", ["DCACCOUNT:https://{domain}/new", "DCACCOUNT:{domain}"])
def test_an_invite_code_creates_a_profile(code: str, chats: DeltaChat, untrusted: str) -> None:
    """`DCACCOUNT:` codes; core asks `/new` or generates an address itself."""
    profile = _scans(chats, code.format(domain=untrusted))

    assert _address(profile).endswith(f"@{untrusted}")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_login_link_creates_a_profile(
    method: str, chats: DeltaChat, credulous: Target, untrusted: str
) -> None:
    """`dclogin:`, as the home page of such a relay shows it."""
    offered = json.loads(request(credulous, method, untrusted, "/new").body)

    profile = _scans(chats, offered["dclogin_url"])

    assert _address(profile) == offered["email"]


@pytest.mark.disturbs
def test_a_closed_relay_needs_an_invite_token(
    chats: DeltaChat, untrusted: str, doorkeeper: Machine
) -> None:
    """Core shows the relay's reason without a token."""
    with _closed(doorkeeper):
        link = doorkeeper.run("chatmail", "invite", "create", "--uses", "1").strip()
        assert link.startswith(f"DCACCOUNT:https://{untrusted}/new?")
        profile = _scans(chats, link)
        assert _address(profile).endswith(f"@{untrusted}")

        with pytest.raises(JsonRpcError, match="has been used up"):
            _scans(chats, link)
        with pytest.raises(JsonRpcError, match="takes no new addresses without an invitation"):
            _scans(chats, f"DCACCOUNT:https://{untrusted}/new")


def test_core_finds_the_turn_server(
    chats: DeltaChat, alice: Person, target: Target, relay: str
) -> None:
    """Core gets the relay's own TURN server."""
    port = (alice.imap.get_metadata("", TURN)[TURN] or "").split(":")[1]

    [server, *_] = _scans(chats, login_link(target, relay)).ice_servers()

    assert all(url.startswith("turn:") and url.endswith(f":{port}") for url in server["urls"])
    assert int(server["username"])
    assert server["credential"]


def _scans(chats: DeltaChat, code: str) -> Account:
    """Return the new profile, ready to send and receive.

    Raises:
        JsonRpcError: core does not take the code; says what people see.
    """
    record("invite", code.partition("?")[2])
    profile = chats.add_account()
    profile.add_transport_from_qr(code)
    login_of(profile)
    profile.bring_online()
    return profile


def _address(profile: Account) -> str:
    return profile.get_config("configured_addr") or ""


@contextlib.contextmanager
def _closed(relay: Machine) -> Iterator[None]:
    relay.run("chatmail", "registration", "close")
    try:
        yield
    finally:
        relay.run("chatmail", "registration", "open")
