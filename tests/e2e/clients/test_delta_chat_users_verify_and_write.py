"""Two Delta Chat users at two relays verify each other by QR code and exchange messages."""

from __future__ import annotations

from pathlib import Path

from chatmail_testkit.relays.target import Target
from delta_chat.server import core, profile
from deltachat_rpc_client import Message


def test_secure_join_and_messages(
    target: Target, relay: str, other_relay: str, tmp_path: Path
) -> None:
    """Bob scans Alice's code; each reads the other's message."""
    with core(tmp_path / "accounts") as chats:
        alice = profile(chats, target, relay, "Alice")
        bob = profile(chats, target, other_relay, "Bob")

        chat = bob.secure_join(alice.get_qr_code())
        alice.wait_for_securejoin_inviter_success()
        bob.wait_for_securejoin_joiner_success()

        chat.send_text("hello Alice")
        first = alice.wait_for_incoming_msg()
        first.get_snapshot().chat.accept()
        first.get_snapshot().chat.send_text("hello Bob")
        answer = bob.wait_for_incoming_msg()

        assert _seen(first) == ("hello Alice", True)
        assert _seen(answer) == ("hello Bob", True)


def _seen(message: Message) -> tuple[str, bool]:
    snapshot = message.get_snapshot()
    return snapshot.text, snapshot.show_padlock
