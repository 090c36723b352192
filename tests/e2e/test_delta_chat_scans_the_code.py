"""The exact content of a relay's QR codes in the real Delta Chat core, which asks nothing more.

Core trusts the authorities that are built into it, so not the lab's: `/new` of a relay with a
certificate is seen in test_an_invite_gives_an_address.py, and core uses that of one without.
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
from chatmail_testkit.web.client import request
from delta_chat.server import core
from deltachat_rpc_client import Account, DeltaChat
from deltachat_rpc_client.rpc import JsonRpcError

TIMEOUT_S = 120
TURN = "/shared/vendor/deltachat/turn"


@pytest.fixture
def chats(tmp_path: Path) -> Iterator[DeltaChat]:
    """A core without a profile."""
    with core(tmp_path / "accounts") as running:
        yield running


@pytest.fixture
def untrusted(request: pytest.FixtureRequest) -> str:
    """A relay that signs its own certificate."""
    option: str = request.config.getoption("--untrusted")
    for domain in option.split(","):
        if domain.startswith("_"):
            return domain
    pytest.skip("needs a relay that signs its own certificate: --untrusted _d.test")


@pytest.fixture
def doorkeeper(lab: LabTarget, untrusted: str) -> Machine:
    """The inside of that relay."""
    return lab.machine(untrusted)


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("code", ["DCACCOUNT:https://{domain}/new", "DCACCOUNT:{domain}"])
def test_invitation(code: str, chats: DeltaChat, untrusted: str) -> None:
    """`DCACCOUNT:` makes a profile; core asks `/new`, or makes an address by itself."""
    profile = _scans(chats, code.format(domain=untrusted))

    assert _address(profile).endswith(f"@{untrusted}")


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_login_link(method: str, chats: DeltaChat, credulous: Target, untrusted: str) -> None:
    """`dclogin:`, as the page of such a relay draws it."""
    offered = json.loads(request(credulous, method, untrusted, "/new").body)

    profile = _scans(chats, offered["dclogin_url"])

    assert _address(profile) == offered["email"]


@pytest.mark.disturbs
@pytest.mark.timeout(TIMEOUT_S)
def test_tokens(chats: DeltaChat, untrusted: str, doorkeeper: Machine) -> None:
    """A closed relay takes who has one; others are told why not, in the relay's words."""
    with _closed(doorkeeper):
        link = doorkeeper.run("chatmail", "invite", "create", "--uses", "1").strip()
        assert link.startswith(f"DCACCOUNT:https://{untrusted}/new?")
        profile = _scans(chats, link)
        assert _address(profile).endswith(f"@{untrusted}")

        with pytest.raises(JsonRpcError, match="has been used up"):
            _scans(chats, link)
        with pytest.raises(JsonRpcError, match="takes no new addresses without an invitation"):
            _scans(chats, f"DCACCOUNT:https://{untrusted}/new")


@pytest.mark.timeout(TIMEOUT_S)
def test_calls(chats: DeltaChat, alice: Person, target: Target, relay: str) -> None:
    """Core finds the relay's own server for the media of calls."""
    port = (alice.imap.get_metadata("", TURN)[TURN] or "").split(":")[1]

    [server, *_] = _scans(chats, login_link(target, relay)).ice_servers()

    assert all(url.startswith("turn:") and url.endswith(f":{port}") for url in server["urls"])
    assert int(server["username"])
    assert server["credential"]


def _scans(chats: DeltaChat, code: str) -> Account:
    """Returns the new profile, ready to send and receive.

    Raises:
        JsonRpcError: core does not take the code; says what people see.
    """
    profile = chats.add_account()
    profile.add_transport_from_qr(code)
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
