"""Queued mail goes past our own rules, and once."""

import os
import pathlib
import smtplib
import subprocess

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


def test_names_that_postfix_never_makes_stay(old: OldRelay, settings: Settings) -> None:
    """They could not be noted, or noted as another message: each import would send them again."""
    good = queue_file(OURS, ["x@other.org"], "out")
    old.queued("A1", good)
    place = os.fsencode(old.root / "var/spool/postfix/deferred")
    for name in (b"\xff\xfe", b"B2 1\nC3 2"):
        with open(os.path.join(place, name), "wb") as file:  # noqa: PTH118, PTH123
            file.write(good)
    send = Postfix()

    result, untaken = _import(old, settings, send, Postfix())

    assert (result.outgoing, len(send.got), untaken.number) == (1, 1, 2)


def test_a_message_that_sendmail_refuses_keeps_no_other_back(
    old: OldRelay, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that is too large here."""
    old.queued("A1", queue_file(OURS, ["x@other.org"], "large"))
    old.queued("B2", queue_file(OURS, ["x@other.org"], "small"))
    got = []

    def run(command: list[str], **options: object) -> None:
        if b"large" in bytes(options["input"]):  # type: ignore[call-overload]
            raise subprocess.CalledProcessError(75, command)
        got.append(command)

    monkeypatch.setattr(subprocess, "run", run)
    untaken = Untaken()
    with Directory.at(old.root) as tree:
        result = queue.import_all(tree, settings, untaken, queue.send, Postfix())

    assert (result.outgoing, len(got)) == (1, 1)
    assert list(untaken.reasons) == ["refused by sendmail here (75)"]


def test_a_recipient_that_is_refused_for_now_is_not_lost(
    old: OldRelay, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next import delivers again; a recipient that does not exist is no reason for it."""
    other = "bob-56789@chat.example.org"
    old.queued("A1", queue_file("x@other.org", [OURS, other], "in"))
    codes = [452, 550]

    class Smtp:
        """Refuses the second recipient."""

        def __init__(self, *_: object, **__: object) -> None: ...
        def __enter__(self) -> "Smtp":
            return self

        def __exit__(self, *_: object) -> None: ...
        def starttls(self, **_: object) -> None:
            """Do nothing."""

        def ehlo(self) -> None:
            """Do nothing."""

        def sendmail(self, *_: object) -> dict[str, tuple[int, bytes]]:
            """Refuse one."""
            return {other: (codes.pop(0), b"no")}

    monkeypatch.setattr(smtplib, "SMTP", Smtp)
    results = []
    for _ in range(3):
        with Directory.at(old.root) as tree:
            results.append(
                queue.import_all(tree, settings, Untaken(), Postfix(), queue.receiver(settings))
            )

    assert [(one.incoming, one.before) for one in results] == [(0, 0), (1, 0), (0, 1)]
