"""A command on a relay returns its output, or says how it failed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from chatmail_testkit.relays.machine import RemoteMachine
from chatmail_testkit.relays.target import CommandFailedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Here(RemoteMachine):
    """This machine."""

    host: str = "here.test"

    def argv(self, command: tuple[str, ...]) -> list[str]:
        """The command as it is."""
        return list(command)


def test_output() -> None:
    """Standard input is what the caller gives."""
    assert Here().run("cat", stdin=b"hello") == "hello"


def test_a_failure() -> None:
    """Names the relay and the command."""
    with pytest.raises(CommandFailedError, match=r"here\.test: cat /nowhere: .*cat: /nowhere"):
        Here().run("cat", "/nowhere")
