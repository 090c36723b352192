"""Queued mail goes past our own rules, and once."""

import pathlib

import pytest

from chatmaild.errors import ChatmaildError, UntakenError
from chatmaild.operator.exchange import queue
from chatmaild.operator.exchange.upstream.queue_file import Queued
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken
from chatmaild.settings import Settings

from .old_relay import OldRelay, queue_file

OURS = "alice1234@chat.example.org"


class Postfix:
    """Remembers what it gets; refuses what it is told to."""

    def __init__(self, refuses: str = "") -> None:
        self.got: list[tuple[str, tuple[str, ...]]] = []
        self.refuses = refuses

    def __call__(self, queued: Queued) -> None:
        """Take a message."""
        if queued.sender == self.refuses:
            raise UntakenError("refused by port 25 here (554)")
        self.got.append((queued.sender, queued.recipients))


def _import(
    old: OldRelay, settings: Settings, send: Postfix, receive: Postfix
) -> tuple[queue.Result, Untaken]:
    untaken = Untaken()
    with Directory.at(old.root) as tree:
        return queue.import_all(tree, settings, untaken, send, receive), untaken


def test_each_message_goes_its_way_once(old: OldRelay, settings: Settings) -> None:
    """Ours to sendmail, others to port 25; bounces and damaged files stay, and are counted."""
    old.queued("A1", queue_file(OURS, ["x@other.org", "y@other.org"], "out", done="z@other.org"))
    old.queued("B2", queue_file("x@other.org", [OURS], "in"))
    old.queued("C3", queue_file("", ["x@other.org"], "bounce"))
    old.queued("D4", queue_file(OURS, [], "arrived"))
    old.queued("E5", b"damaged")
    old.queued("F6", queue_file("bad@other.org", [OURS], "refused"))
    send, receive = Postfix(), Postfix(refuses="bad@other.org")

    result, untaken = _import(old, settings, send, receive)
    assert send.got == [(OURS, ("x@other.org", "y@other.org"))]
    assert receive.got == [("x@other.org", (OURS,))]
    assert (result.outgoing, result.incoming, untaken.number) == (1, 1, 4)
    again, _ = _import(old, settings, send, receive)

    assert (again.outgoing, again.incoming, again.before) == (0, 0, 2)
    assert len(send.got) == len(receive.got) == 1


def test_without_postfix_nothing_is_noted(
    old: OldRelay, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """The next import tries again."""
    old.queued("A1", queue_file(OURS, ["x@other.org"], "out"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with Directory.at(old.root) as tree, pytest.raises(ChatmaildError, match="is Postfix running"):
        queue.import_all(tree, settings, Untaken(), queue.send, queue.receiver(settings))

    result, _ = _import(old, settings, Postfix(), Postfix())

    assert result.outgoing == 1
