"""No command line ends in a traceback: an exit code, and one line that says what was wrong."""

import io
import pathlib
import sys
from collections.abc import Iterator

import click
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from chatmaild.errors import ChatmaildError
from chatmaild.operator import cli as operator_cli
from chatmaild.operator.dnscheck import report

from .conftest import Chatmail

# they start and stop daemons, or use the relay
_WITH_DAEMONS = {"selftest", "log-mail"}
_CODES = {0, 1, 2, 78}


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield (*path, name)
            yield from _commands(command, (*path, name))
        elif name not in _WITH_DAEMONS:
            yield (*path, name)


def _options(path: tuple[str, ...]) -> list[str]:
    command: click.Command = operator_cli.group
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    return [opt for parameter in command.params for opt in parameter.opts if opt[0] == "-"]


COMMANDS = sorted(_commands(operator_cli.group))
WORDS = st.one_of(
    st.text(st.characters(blacklist_characters="\0"), max_size=20),
    st.binary(max_size=8).map(lambda b: b.replace(b"\0", b"").decode("utf-8", "surrogateescape")),
    st.sampled_from(
        ["--", "-", "", "a@b", "alice1234", "-1", "999999999999999999999", "30d", "2026-11-29"]
    ),
    st.sampled_from(["99999w", "1h", "x" * 300, "..", ".", "*", "[", "٣d", "--yes"]),
)


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """A command, then its options and other words in any order."""
    path = draw(st.sampled_from(COMMANDS))
    options = _options(path)
    word = st.one_of(st.sampled_from(options), WORDS) if options else WORDS
    # files are written below the test's own directory only
    return [*path, *(text.lstrip("/") for text in draw(st.lists(word, max_size=5)))]


@profile(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(["address", "passwd", "alice1234", "--password-stdin"], b"\xff\n")
@example(["address", "create", "bob123456", "--password-stdin"], b"\xff\n")
@example(["address", "create", "bob123456", "--password-stdin"], b"\0" * 20)
@example(["address", "delete", "alice1234"], b"\x80")
@example(["address", "show", "\udcff"], b"")
@example(["invite", "create", "--expires", "99999w"], b"")
@example(["address", "export", "/dev/stdout"], b"")
@given(line=command_lines(), stdin=st.binary(max_size=30))
def test_no_command_line_is_a_traceback(
    chatmail: Chatmail, tmp_path: pathlib.Path, line: list[str], stdin: bytes
) -> None:
    """Whatever the words and the standard input are."""

    def no_answer(_: str) -> None:
        raise ChatmaildError("no answer")

    def no_wait(_: float) -> None:
        raise ChatmaildError("no wait")

    def no_program(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file", "postqueue")

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        patch.setattr("subprocess.run", no_program)
        patch.setattr(report, "find_authority", no_answer)
        patch.setattr("time.sleep", no_wait)
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        chatmail("address", "create", "alice1234")
        code, lines = chatmail(*line)

    assert code in _CODES
    said = "\n".join(lines)
    assert "Traceback" not in said
    assert "a fault of this program" not in said
    if code == 1:
        assert sum(text.startswith("error: ") for text in lines) <= 1


def test_a_fault_is_one_line_without_its_text(
    chatmail: Chatmail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text of an error may hold an address."""

    def broken(*_: object) -> None:
        raise LookupError("alice@chat.example.org")

    monkeypatch.setattr("chatmaild.operator.registration.status", broken)

    code, (line,) = chatmail("registration", "status")

    assert code == 1
    assert line.startswith("error: a fault of this program, LookupError at test_cli.py:")
    assert "alice" not in line


def test_the_version_is_everywhere(chatmail: Chatmail) -> None:
    """Of the command itself."""
    code, (line,) = chatmail("--version")

    assert (code, line.partition(" ")[0]) == (0, "chatmail")
    assert sys.version_info >= (3, 11)
