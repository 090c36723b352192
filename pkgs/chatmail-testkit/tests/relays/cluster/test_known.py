"""A change at a store is waited for at the fronts."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatmail_testkit.relays.cluster.known import changes_addresses, wait_until_known
from chatmail_testkit.relays.machine import RemoteMachine
from chatmail_testkit.relays.target import AS_VMAIL

ADDRESS = "x@a.test"


_LIST = "import os, sys; print(*os.listdir(sys.argv[1]), sep=chr(10))"
_ANSWER_ONCE = """
import pathlib, sys
folder = pathlib.Path(sys.argv[1])
print((folder / "answer").read_text())
(folder / "answer").write_text((folder / "next").read_text())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front(RemoteMachine):
    """One that gives an old answer first."""

    answers: Path
    host: str = "front1"

    def argv(self, command: tuple[str, ...]) -> list[str]:
        """Prints the file `answer`, then replaces it by the file `next`."""
        assert command[-1] == "http://directory/address?address=x%40a.test"
        return [sys.executable, "-c", _ANSWER_ONCE, str(self.answers)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Store(RemoteMachine):
    """One mailbox."""

    mailbox: Path
    host: str = "store1"

    def argv(self, command: tuple[str, ...]) -> list[str]:
        """Lists it."""
        assert command[-1] == ADDRESS
        return [sys.executable, "-c", _LIST, str(self.mailbox)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Down(RemoteMachine):
    """A front whose directory does not run."""

    host: str = "front2"

    def argv(self, command: tuple[str, ...]) -> list[str]:
        """Fails."""
        return [sys.executable, "-c", "raise SystemExit(1)", *command]


def _answer(state: str, **flags: bool) -> str:
    known = dict.fromkeys(("disabled", "enforces", "nearly_full"), False)
    return json.dumps({"state": state, "store": "store1"} | known | flags)


@pytest.mark.parametrize("exists", [True, False])
def test_an_old_answer_is_not_enough(tmp_path: Path, exists: bool) -> None:
    """The front is asked again; one that is down knows nothing old."""
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    (mailbox / "DISABLED").touch()
    new = _answer("here", disabled=True) if exists else _answer("unknown")
    (tmp_path / "answer").write_text(_answer("here"))
    (tmp_path / "next").write_text(new)
    store = Store(mailbox=mailbox) if exists else None

    wait_until_known(ADDRESS, store, [Down(), Front(answers=tmp_path)])

    assert (tmp_path / "answer").read_text() == new


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        (True, ("touch", f"/var/lib/chatmail/mail/{ADDRESS}/DISABLED")),
        (True, ("chatmail", "address", "delete", ADDRESS, "--yes")),
        (True, ("doveadm", "force-resync", "-u", ADDRESS, "INBOX")),
        (True, (*AS_VMAIL, "chatmaild", "quota-clean", "--", ADDRESS)),
        (False, ("doveadm", "kick", ADDRESS)),
        (False, ("cat", f"/var/lib/chatmail/mail/{ADDRESS}/password")),
    ],
)
def test_commands_that_change_addresses(changes: bool, command: tuple[str, ...]) -> None:
    """Others need no answer of a front."""
    assert changes_addresses(command) == changes
