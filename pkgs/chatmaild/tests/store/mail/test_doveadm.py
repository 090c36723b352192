"""Commands to Dovecot in the protocol of its doveadm-server."""

import contextlib
import pathlib
import socket
import threading
from collections.abc import Iterator

import pytest

from chatmaild.errors import DovecotError, FullError
from chatmaild.store.mail.doveadm import Doveadm, Status

from ...waiting import DEADLINE_S


class Server:
    """Answers each line with the next answer; an empty one ends the connection."""

    def __init__(self, path: pathlib.Path, *answers: bytes, ready: bytes = b"+\n") -> None:
        self.lines: list[bytes] = []
        self.connections = 0
        self._answers = iter(answers)
        self._ready = ready
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=DEADLINE_S)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                with connection, connection.makefile("rb") as lines:
                    lines.readline()
                    connection.sendall(self._ready)
                    for line in lines:
                        self.lines.append(line)
                        answer = next(self._answers)
                        if not answer:
                            break
                        for byte in answer:
                            connection.sendall(bytes([byte]))


@contextlib.contextmanager
def serving(path: pathlib.Path, *answers: bytes, ready: bytes = b"+\n") -> Iterator[Server]:
    server = Server(path, *answers, ready=ready)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "doveadm"


def test_many_commands_use_one_connection(path: pathlib.Path) -> None:
    """UIDs as ranges; a name of a folder is escaped."""
    with serving(path, b"\n+\n", b"\n+\n", b"a\tb\n+\n") as server, Doveadm(str(path)) as doveadm:
        doveadm.expunge("-a@b.test", "INBOX", [3, 1, 2, 7])
        doveadm.expunge("-a@b.test", "x\ty\n\x01", [9], listed_only=True)
        printed = doveadm.run("-a@b.test", "search", "all")

    assert server.lines == [
        b"\t-a@b.test\texpunge\tmailbox\tINBOX\tuid\t1:3,7\n",
        b"\t-a@b.test\texpunge\tmailbox\tx\x01ty\x01n\x011\tuid\t9\told\n",
        b"\t-a@b.test\tsearch\tall\n",
    ]
    assert server.connections == 1
    assert printed == "a\tb"


def test_many_uids_are_several_commands(path: pathlib.Path) -> None:
    """Dovecot takes lines of a megabyte; no UID is none."""
    with serving(path, b"\n+\n", b"\n+\n") as server, Doveadm(str(path)) as doveadm:
        doveadm.expunge("a@b.test", "INBOX", range(2, 40_000, 2))
        doveadm.expunge("a@b.test", "INBOX", [])

    assert [line.count(b",") for line in server.lines] == [9_999, 9_998]


@pytest.mark.parametrize("folder", ["*", "IN?OX", "%"])
def test_a_folder_with_a_wildcard_is_not_expunged(path: pathlib.Path, folder: str) -> None:
    """Dovecot would delete messages with these UIDs in other folders, too."""
    with serving(path) as server, Doveadm(str(path)) as doveadm, pytest.raises(DovecotError):
        doveadm.expunge("a@b.test", folder, [1])

    assert server.lines == []


def test_rows_are_read(path: pathlib.Path) -> None:
    """Values end with tabs, rows do not end; another folder may fit to the name."""
    status = b"a*c\t7\t1700\tff\ta\x01tc\t9\t1701\tee\t"
    flags = b"3\t\\Seen $x\t4\t\t"
    answers = (status + b"\n+\n", b"\n+\n", flags + b"\n+\n")
    with serving(path, *answers) as server, Doveadm(str(path)) as doveadm:
        assert doveadm.status("a@b.test", "a\tc") == Status(1701, 9, "ee")
        with pytest.raises(DovecotError):
            doveadm.status("a@b.test", "INBOX")
        assert doveadm.flags("a@b.test", "INBOX") == {
            3: frozenset({"\\Seen", "$x"}),
            4: frozenset(),
        }

    assert server.lines[0] == b"\ta@b.test\tmailbox status\tuidvalidity uidnext guid\ta\x01tc\n"
    assert server.lines[2] == b"\ta@b.test\tfetch\tuid flags\tmailbox\tINBOX\tall\n"


def test_messages_are_saved(path: pathlib.Path) -> None:
    """With identity, time and UID; a full mailbox is an error of its own."""
    answers = (b"\n+\n", b"\n-UNKNOWN\n")
    with serving(path, *answers) as server, Doveadm(str(path)) as doveadm:
        doveadm.save("a@b.test", "X", "/m", guid="1.x,S=5", received_s=9, uid=4)
        with pytest.raises(FullError):
            doveadm.save("a@b.test", "X", "/m", guid="1.x,S=5", received_s=9, uid=None)

    assert server.lines == [
        b"\ta@b.test\tsave\t-m\tX\t-g\t1.x,S=5\t-r\t9\t-U\t4\t/m\n",
        b"\ta@b.test\tsave\t-m\tX\t-g\t1.x,S=5\t-r\t9\t/m\n",
    ]


def test_a_folder_is_changed(path: pathlib.Path) -> None:
    """Flags, new UIDs, UIDVALIDITY, the next UID."""
    with serving(path, *[b"\n+\n"] * 5) as server, Doveadm(str(path)) as doveadm:
        doveadm.create("a@b.test", "X")
        doveadm.set_validity("a@b.test", "X", 17)
        doveadm.reserve_uids("a@b.test", "X", 9)
        doveadm.add_flags("a@b.test", "X", {"\\Seen", "$x"}, [5, 6])
        doveadm.renumber("a@b.test", "X", [7])

    assert [line.decode().split("\t")[2:] for line in server.lines] == [
        ["mailbox create", "X\n"],
        ["mailbox update", "-V", "17", "X\n"],
        ["mailbox update", "-N", "9", "X\n"],
        ["flags add", "$x \\Seen", "mailbox", "X", "uid", "5:6\n"],
        ["move", "X", "mailbox", "X", "uid", "7\n"],
    ]


def test_a_refusal_is_an_error(path: pathlib.Path) -> None:
    """The next command uses the same connection."""
    with serving(path, b"\n-TEMPFAIL\n", b"\n+\n") as server, Doveadm(str(path)) as doveadm:
        with pytest.raises(DovecotError):
            doveadm.purge_cache("a@b.test", "INBOX")
        doveadm.purge_cache("a@b.test", "INBOX")

    assert server.connections == 1


def test_a_lost_connection_is_opened_again(path: pathlib.Path) -> None:
    """The command that lost it fails."""
    with serving(path, b"", b"\n+\n") as server, Doveadm(str(path)) as doveadm:
        with pytest.raises(ConnectionResetError):
            doveadm.purge_cache("a@b.test", "INBOX")
        doveadm.purge_cache("a@b.test", "INBOX")

    assert server.connections == 2


def test_dovecot_may_be_away_or_refuse(path: pathlib.Path) -> None:
    """Both are errors of the system."""
    with pytest.raises(FileNotFoundError):
        Doveadm(str(path)).purge_cache("a@b.test", "INBOX")
    with serving(path, ready=b"-\n"), pytest.raises(ConnectionRefusedError):
        Doveadm(str(path)).purge_cache("a@b.test", "INBOX")
