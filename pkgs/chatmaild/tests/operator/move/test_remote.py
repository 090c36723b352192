"""Arguments of ssh and rsync, and what their failures become."""

import os
import pathlib
import signal
import sys

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.move.remote import Remote, run_program
from chatmaild.operator.move.state import Place
from chatmaild.operator.move.trees import Tree

from ...waiting import DEADLINE_S
from .conftest import NewMachine

QUEUE = Tree(path="/queue", only=("deferred",))
# a program that ends and leaves another, with what it inherited, and prints its number
_ORPHAN = """
import subprocess, sys
null = subprocess.DEVNULL
wait = [sys.executable, "-c", "import time; time.sleep(60)"]
print(subprocess.Popen(wait, stdin=null, stdout=null, stderr=null, close_fds=False).pid)
"""


def test_a_command_there(remote: Remote, there: NewMachine) -> None:
    """One argument for the shell of the other machine, after `--`."""
    there.answers["receive"] = {"phase": "receiving"}

    assert remote.receive("serve", "--number", "a b") == {"phase": "receiving"}
    assert there.commands[0].startswith("ssh -o BatchMode=yes ")
    assert there.commands[0].endswith(" -- root@new.test chatmail receive serve --number 'a b'")


@pytest.mark.parametrize(
    ("code", "said"), [(1, "root@new.test: it said no$"), (255, "it said no; try: ssh root@")]
)
def test_a_command_that_fails(remote: Remote, there: NewMachine, code: int, said: str) -> None:
    """Its last line; for ssh itself, how to find out more."""
    there.codes["receive"] = code

    with pytest.raises(ChatmaildError, match=said):
        remote.receive("look")


def test_a_copy(remote: Remote, there: NewMachine) -> None:
    """What is gone here goes there; times are compared in nanoseconds."""
    remote.copy(QUEUE)

    assert there.commands[0].startswith(
        "rsync --archive --hard-links --timeout=60 --modify-window=-1 "
    )
    assert there.commands[0].endswith(
        " --delete --include=/deferred/*** --exclude=/* -- /queue/ root@new.test:/queue/"
    )


def test_ipv6(there: NewMachine) -> None:
    """Brackets for rsync, none for ssh."""
    remote = Remote("root@2001:db8::1", there)
    remote.copy(Tree(path="/etc/stop", is_file=True))
    remote.receive("look")

    assert there.commands[0].endswith(" -- /etc/stop root@[2001:db8::1]:/etc/stop")
    assert " -- root@2001:db8::1 chatmail" in there.commands[1]


def test_changed_files_are_named_on_stdin(remote: Remote, there: NewMachine) -> None:
    """Names have addresses; without a name there is nothing to do."""
    remote.copy_files(QUEUE, [])
    remote.copy_files(QUEUE, ["a@b/password", "a\n@b"])

    assert len(there.commands) == 1
    assert "password" not in there.commands[0]
    assert "--ignore-times" in there.commands[0]
    assert "--delete" not in there.commands[0]
    assert there.stdin == [b"a@b/password\0a\n@b\0"]


def test_changed_files_of_a_running_relay_may_be_gone(remote: Remote, there: NewMachine) -> None:
    """Somebody deletes an address meanwhile; once mail is stopped this is an error."""
    remote.copy_files(QUEUE, ["a"], is_running=True)
    remote.copy_files(QUEUE, ["a"])

    assert "--ignore-missing-args" in there.commands[0]
    assert "--ignore-missing-args" not in there.commands[1]
    there.codes["rsync"] = 24
    remote.copy_files(QUEUE, ["a"], is_running=True)


def test_files_vanish_while_mail_flows(remote: Remote, there: NewMachine) -> None:
    """Later they may not; the error has no name of a file."""
    there.codes["rsync"] = 24
    remote.copy(QUEUE, is_running=True)

    with pytest.raises(ChatmaildError, match=r"^rsync ended with code 24: files vanished$"):
        remote.copy(QUEUE)


def test_programs() -> None:
    """One that is missing or hangs is an error."""
    code = "import sys; print(sys.stdin.read()); sys.exit(3)"
    done = run_program([sys.executable, "-c", code], b"in", DEADLINE_S)

    assert (done.code, done.stdout) == (3, "in\n")
    with pytest.raises(ChatmaildError, match="is not installed"):
        run_program(["/no/such/program"], b"", 1)
    with pytest.raises(ChatmaildError, match="more than 0 s"):
        run_program([sys.executable, "-c", "import time; time.sleep(60)"], b"", 0.1)


def test_a_copy_that_goes_on_alone_keeps_the_lock(tmp_path: pathlib.Path) -> None:
    """`chatmail move` was killed, rsync was not: it would delete what another copy has brought."""
    place = Place(tmp_path)
    with place.locked():
        orphan = int(run_program([sys.executable, "-c", _ORPHAN], b"", DEADLINE_S).stdout)
    try:
        with pytest.raises(ChatmaildError, match="runs here"), place.locked():
            pass
    finally:
        os.kill(orphan, signal.SIGKILL)
    with place.locked(within_s=DEADLINE_S):
        pass
