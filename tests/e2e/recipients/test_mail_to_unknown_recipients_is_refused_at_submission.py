"""Mail to unknown or deleted addresses is refused at submission."""

from __future__ import annotations

from pathlib import Path

import pytest
from chatmail_testkit.people.names import new_name
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine, Target
from delta_chat.server import core, profile
from deltachat_rpc_client import Account, EventType, Message
from deltachat_rpc_client.const import MessageState


@pytest.mark.parametrize("spelling", ["{name}@{domain}", "{name}+tag@{domain}"])
def test_an_unknown_recipient_is_refused(spelling: str, alice: Person) -> None:
    """The reply is the one of port 25."""
    nobody = spelling.format(name=new_name(), domain=alice.domain)

    reply = alice.submits(alice.writes(nobody), nobody)

    text = f"5.1.1 <{nobody}>: Recipient address rejected: User unknown"
    assert (reply.code, reply.text) == (550, text)


def test_several_unknown_recipients_are_refused(alice: Person) -> None:
    """The reply names the first one."""
    nobodies = [f"{new_name()}@{alice.domain}" for _ in range(3)]

    reply = alice.submits(alice.writes(*nobodies), *nobodies)

    assert (reply.code, nobodies[0] in reply.text) == (550, True)


def test_a_group_with_a_known_recipient_is_accepted(alice: Person, carol: Person) -> None:
    """A bounce names the unknown ones."""
    nobody = f"{new_name()}@{alice.domain}"

    alice.sends(carol, nobody, text="to a group")

    assert carol.receives().text == "to a group"
    assert b"5.1.1" in alice.receives().raw


def test_delta_chat_shows_the_failure(
    target: Target, relay: str, machine: Machine, tmp_path: Path
) -> None:
    """The real core marks the message as failed and keeps the reply."""
    with core(tmp_path / "accounts") as chats:
        alice, bob = (profile(chats, target, relay, name) for name in ("Alice", "Bob"))
        chat = alice.secure_join(bob.get_qr_code())
        alice.wait_for_securejoin_joiner_success()
        bob.stop_io()
        machine.run("chatmail", "address", "delete", _address(bob), "--yes")

        message = chat.send_text("are you there?")
        _wait_for_failure(alice, message)

        snapshot = message.get_snapshot()
        assert snapshot.state == MessageState.OUT_FAILED
        assert f"5.1.1 <{_address(bob)}>" in snapshot.error


def _address(account: Account) -> str:
    return str(account.get_config("configured_addr"))


def _wait_for_failure(account: Account, message: Message) -> None:
    while account.wait_for_event(EventType.MSG_FAILED).msg_id != message.id:
        pass
