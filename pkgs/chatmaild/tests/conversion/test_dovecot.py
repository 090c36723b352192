"""What Dovecot's tool is asked, and what its end means."""

import pathlib
from collections.abc import Callable

import pytest

from chatmaild.conversion.dovecot import Doveadm
from chatmaild.errors import BusyError, ConversionError, ToolError
from chatmaild.store.mail.formats import Format

from ..waiting import DEADLINE_S

ACCOUNT = "alice1234@chat.example.org"

Tool = Callable[[str], Doveadm]


@pytest.fixture
def tool(tmp_path: pathlib.Path) -> Tool:
    """A stand-in of doveadm: a shell script."""

    def make(script: str) -> Doveadm:
        program = tmp_path / "doveadm"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return Doveadm(str(program), "storage.conf")

    return make


def test_accounts_in_use_are_copied_at_once(tool: Tool, tmp_path: pathlib.Path) -> None:
    """It reads their names from standard input."""
    said = tmp_path / "said"

    tool(f'{{ echo "$@"; cat; }} > {said}').copy([ACCOUNT, "bob"], Format.SDBOX)

    arguments, *names = said.read_text().splitlines()
    assert "-c storage.conf" in arguments
    assert "mail_fsync=never" in arguments
    assert "mail_driver=maildir" in arguments
    assert arguments.endswith("backup -F /dev/stdin sdbox:~/converting")
    assert names == [ACCOUNT, "bob"]


def test_the_rest_is_copied_at_once(tool: Tool, tmp_path: pathlib.Path) -> None:
    """It is on disk then."""
    said = tmp_path / "said"

    tool(f'echo "$@" > {said}').copy_rest(ACCOUNT, Format.MAILDIR, within_s=DEADLINE_S)

    arguments = said.read_text().rstrip()
    assert "mail_fsync=always" in arguments
    assert "mail_driver=sdbox" in arguments
    assert arguments.endswith(f"backup -u {ACCOUNT} maildir:~/converting")


def test_what_takes_too_long_is_ended(tool: Tool) -> None:
    """The mailbox is given back."""
    with pytest.raises(BusyError):
        tool("exec sleep 60").copy_rest(ACCOUNT, Format.SDBOX, within_s=0.1)


@pytest.mark.parametrize("script", ["exit 64", "exit 78"])
def test_a_tool_that_does_not_start_is_no_fault_of_an_account(tool: Tool, script: str) -> None:
    """Its settings are wrong."""
    with pytest.raises(ToolError):
        tool(script).copy([ACCOUNT], Format.SDBOX)


def test_a_missing_tool_is_no_fault_of_an_account() -> None:
    """It is not installed."""
    with pytest.raises(ToolError):
        Doveadm("/nonexistent/doveadm").copy([ACCOUNT], Format.SDBOX)


def test_a_stopped_dovecot_is_no_fault_of_an_account(tool: Tool) -> None:
    """The conversion goes on when it runs."""
    said = "doveadm(x)<1><>: Error: auth-master: userdb lookup(x): connect(/run/auth) failed: no"
    with pytest.raises(ToolError, match="Dovecot does not run"):
        tool(f"echo '{said}' >&2; exit 75").copy([ACCOUNT], Format.SDBOX)


def test_a_crash_is_a_fault_of_the_account(tool: Tool) -> None:
    """Others are converted."""
    with pytest.raises(ConversionError, match="doveadm ended with -9") as caught:
        tool("kill -9 $$").copy([ACCOUNT], Format.SDBOX)

    assert not isinstance(caught.value, ToolError)


def test_a_reason_has_no_address(tool: Tool) -> None:
    """The operator finds it beside the account."""
    with pytest.raises(ConversionError, match=r"^ADDRESS: no space$"):
        tool(f"echo '{ACCOUNT}: no space' >&2; exit 75").copy_rest(
            ACCOUNT, Format.SDBOX, within_s=DEADLINE_S
        )
