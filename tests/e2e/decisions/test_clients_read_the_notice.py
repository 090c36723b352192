"""Clients read the operator's notice as IMAP METADATA, from the next login, without a restart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import CommandFailedError, Machine, Target
from chatmail_testkit.waiting import wait_for
from delta_chat.server import core, profile

COMMENT = "/shared/comment"
# everything that Dovecot, its auth protocol or JSON could change
TEXT = "Wartung am Freitag, 100 % sicher: %{user} \"x\" 'y' \\ $z ✨ {1} = #"
HIBERNATION_S = 1.0  # imap_hibernate_timeout
UNITS = ("dovecot", "chatmail-accounts")


@pytest.fixture
def server(other_machine: Machine) -> Iterator[Machine]:
    """The host of Carol's relay; afterwards it has no notice."""
    yield other_machine
    other_machine.run("chatmail", "notice", "clear")


def test_a_login_shows_the_notice(server: Machine, carol: Person) -> None:
    """Unchanged, and also at its greatest length; no unit restarts, and no mail is delayed."""
    before = server.run("systemctl", "show", "--property=MainPID", *UNITS)
    assert carol.logs_in().get_metadata("", COMMENT)[COMMENT] is None

    for text in (TEXT, "ä" * 250 + "✨" * 250):
        server.run("chatmail", "notice", "set", text)
        session = carol.logs_in()
        assert session.get_metadata("", COMMENT)[COMMENT] == text
        assert session.set_metadata("", COMMENT, "mine") != "OK"
    carol.sends(carol, text="to myself")
    assert carol.receives().text == "to myself"
    with pytest.raises(CommandFailedError, match="one line of printable characters"):
        server.run("chatmail", "notice", "set", "two\nlines")

    server.run("chatmail", "notice", "clear")
    assert carol.logs_in().get_metadata("", COMMENT)[COMMENT] is None
    assert before == server.run("systemctl", "show", "--property=MainPID", *UNITS)


def test_a_session_with_a_long_notice_hibernates(server: Machine, carol: Person) -> None:
    """The text is part of the state that Dovecot hands from process to process."""
    text = "✨" * 500
    server.run("chatmail", "notice", "set", text)
    carol.leaves()
    started_s = time.time()
    carol.imap.idle()
    assert carol.imap.notices(within_s=2 * HIBERNATION_S) == []

    carol.sends(carol)

    wait_for(lambda: _is_notified(carol), "a notice of new mail")
    carol.imap.idle_done()
    assert carol.imap.get_metadata("", COMMENT)[COMMENT] == text
    assert "ibernat" not in server.logs(started_s)


def _is_notified(person: Person) -> bool:
    return any(b"EXISTS" in response for response in person.imap.notices(within_s=1))


def test_delta_chat_has_the_notice_in_its_log(
    server: Machine, target: Target, other_relay: str, tmp_path: Path
) -> None:
    """Core offers it to apps as information about the account; there is no chat with it."""
    server.run("chatmail", "notice", "set", TEXT)
    with core(tmp_path / "accounts") as chats:
        account = profile(chats, target, other_relay, "Carol")
        info = account.get_info()
        said = [
            message.get_snapshot().text
            for chat in account.get_chatlist()
            for message in chat.get_messages()
        ]

    assert "Wartung am Freitag, 100 % sicher" in info["imap_server_comment"]
    assert not any("Wartung" in text for text in said)
