"""`chatmail queue retry`, `hold`, `release` and `drop` choose the right messages."""

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.mailqueue import actions
from chatmaild.operator.mailqueue.deletion import Run
from chatmaild.operator.mailqueue.messages import Message, Recipient

Calls = list[tuple[list[str], str]]


def _message(name: str, *domains: str, queue: str = "deferred") -> Message:
    recipients = tuple(Recipient(address=f"bob@{domain}", reason="") for domain in domains)
    return Message(
        queue=queue, name=name, arrival_s=0.0, size_bytes=1, sender="", recipients=recipients
    )


MESSAGES = [
    _message("A", "peer.test"),
    _message("B", "peer.test", "other.test"),
    _message("C", "other.test"),
    _message("D", "peer.test", queue="hold"),
    _message("E", "peer.test", queue="active"),
]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The programs that were run; this process is root, and audits nothing."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(actions, "audit", lambda *_: None)
    return []


def _runner(calls: Calls) -> Run:
    def run(command: list[str], stdin: str) -> str:
        calls.append((command, stdin))
        return ""

    return run


def test_retry_takes_all_deferred_messages_of_a_domain(calls: Calls) -> None:
    """Other recipients of a message are tried with it."""
    actions.retry(actions.select(MESSAGES, "Peer.test"), _runner(calls))

    assert sorted(command[-1] for command, _ in calls) == ["A", "B"]


def test_changes_leave_mail_for_others_alone(calls: Calls) -> None:
    """Postfix changes a message as a whole; the sentence says what stays."""
    text = actions.hold(actions.select(MESSAGES, "peer.test"), _runner(calls))

    assert calls == [(["postsuper", "-h", "-"], "A\nE\n")]
    assert text == "held 2 messages; 1 message for other domains as well stay as they are"


def test_release_tries_what_was_held(calls: Calls) -> None:
    """At once."""
    actions.release(actions.select(MESSAGES, "peer.test", held=True), _runner(calls))

    assert calls == [(["postsuper", "-H", "-"], "D\n"), (["postqueue", "-i", "D"], "")]


def test_drop_takes_held_mail_too(calls: Calls) -> None:
    """All that waits for the domain."""
    actions.drop(actions.select(MESSAGES, "peer.test", held=None), _runner(calls))

    assert calls[-1] == (["postsuper", "-d", "-"], "A\nD\nE\n")


def test_a_domain_without_mail_is_an_error(calls: Calls) -> None:
    """With one line."""
    with pytest.raises(ChatmaildError, match="no mail for this domain is held"):
        actions.select(MESSAGES, "other.test", held=True)
