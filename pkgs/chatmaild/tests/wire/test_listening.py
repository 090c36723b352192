"""No process takes the socket of another one, and a restart heals what a stale socket left."""

import contextlib
import errno
import grp
import json
import os
import pathlib
import pwd
import signal
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from chatmaild.errors import SocketInUseError
from chatmaild.settings import Settings
from chatmaild.wire import systemd
from chatmaild.wire.listening import listen_tcp, listen_unix

from ..children import chatmaild, environment, finished, output, stacks
from ..waiting import DEADLINE_S

QUESTION, ANSWER = b"12:recipients x,", b"9:NOTFOUND ,"
# what systemd kept is inherited from descriptor 3 on (sd_listen_fds(3))
WITH_KEPT = """
import os, sys
os.dup2(int(sys.argv.pop(1)), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
from chatmaild.cli import main
main()
"""


class Unit:
    """A service as systemd starts it, ready."""

    def __init__(self, directory: pathlib.Path, command: list[str], **more: Any) -> None:
        self.sockets: dict[str, socket.socket] = {}
        path = directory / f"notify-{len(list(directory.iterdir()))}"
        variables = {"NOTIFY_SOCKET": str(path), **more.pop("variables", {})}
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
            inbox.bind(str(path))
            inbox.settimeout(DEADLINE_S)
            self.process: subprocess.Popen[str] = subprocess.Popen(
                command, env=environment(**variables), stderr=subprocess.PIPE, text=True, **more
            )
            try:
                self._read_until_ready(inbox)
            except TimeoutError:
                raise AssertionError(f"not ready:\n{stacks(self.process)}") from None

    def _read_until_ready(self, inbox: socket.socket) -> None:
        while True:
            message, descriptors, *_ = socket.recv_fds(inbox, 1000, 1)
            if message == b"READY=1":
                return
            fields = dict(line.split("=", 1) for line in message.decode().splitlines())
            for descriptor in descriptors:
                self.sockets[fields["FDNAME"]] = socket.socket(fileno=descriptor)

    def ends(self, number: signal.Signals) -> str:
        """Send a signal; what the process wrote."""
        self.process.send_signal(number)
        return output(self.process)[1]

    def close(self) -> None:
        """Forget the sockets, as `systemctl stop` does."""
        with contextlib.suppress(ProcessLookupError):
            self.ends(signal.SIGKILL)
        for kept in self.sockets.values():
            kept.close()


@pytest.fixture
def file(
    dkim_file: pathlib.Path, settings_json: dict[str, Any], tmp_path: pathlib.Path
) -> pathlib.Path:
    """Settings with a free port, and Postfix in the group of this process."""
    settings_json["users"]["postfix"] = grp.getgrgid(os.getegid()).gr_name
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings_json["ports"]["login"] = other.getsockname()[1]
    settings_json["users"]["dovecot"] = pwd.getpwuid(os.getuid()).pw_name
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings_json))
    return file


@pytest.fixture(params=["accounts", "filter"])
def service(request: pytest.FixtureRequest) -> str:
    """Each unit that has unix sockets alone or first."""
    return str(request.param)


@pytest.fixture
def unit(file: pathlib.Path, service: str, socket_directory: pathlib.Path) -> Iterator[Unit]:
    """The service, running."""
    unit = Unit(socket_directory, chatmaild(file, service))
    yield unit
    unit.close()


def _by_hand(file: pathlib.Path, service: str) -> subprocess.CompletedProcess[str]:
    return finished(chatmaild(file, service), environment(), stderr=subprocess.PIPE, text=True)


def _is_answered(path: str) -> bool:
    """Whether the process behind the socket reads and answers."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE_S)
        client.connect(path)
        client.sendall(QUESTION)
        return client.recv(100) == ANSWER


def test_a_second_process_touches_nothing(
    unit: Unit, file: pathlib.Path, service: str, settings: Settings
) -> None:
    """One line that names the socket, exit code 1; the first process goes on."""
    paths = [pathlib.Path(name) for name in unit.sockets if name.startswith("/")]
    before = [path.stat().st_ino for path in paths]

    second = _by_hand(file, service)

    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"{paths[0]} is in use by " in second.stderr
    assert f"process {unit.process.pid}" in second.stderr
    assert before == [path.stat().st_ino for path in paths]
    for path in paths:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    if service == "accounts":
        assert _is_answered(settings.sockets.recipients)
    assert unit.process.poll() is None


@pytest.mark.parametrize("service", ["accounts"], indirect=True)
def test_a_restart_heals_a_replaced_file(
    unit: Unit, file: pathlib.Path, settings: Settings, socket_directory: pathlib.Path
) -> None:
    """Another process has bound its own socket to the path of the kept one, and died."""
    path = settings.sockets.recipients
    kept = unit.sockets.pop(path)
    unit.close()
    pathlib.Path(path).unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
        client.connect(path)

    command = chatmaild(file, "accounts")
    following = Unit(
        socket_directory,
        [command[0], "-c", WITH_KEPT, str(kept.fileno()), *command[3:]],
        pass_fds=[kept.fileno()],
        variables={"LISTEN_FDS": "1", "LISTEN_FDNAMES": path},
    )

    try:
        assert _is_answered(path)
        assert path in following.sockets
    finally:
        following.close()
        kept.close()


@pytest.mark.parametrize("service", ["accounts"], indirect=True)
def test_a_killed_process_leaves_nothing_in_the_way(
    unit: Unit, file: pathlib.Path, settings: Settings, socket_directory: pathlib.Path
) -> None:
    """Without systemd's copies, its files are stale, and the next process replaces them."""
    unit.close()
    following = Unit(socket_directory, chatmaild(file, "accounts"))

    try:
        assert _is_answered(settings.sockets.recipients)
    finally:
        following.close()


def test_a_full_queue_is_no_stale_socket(tmp_path: pathlib.Path) -> None:
    """The process there is too busy to accept: its clients wait, and its file stays."""
    path = tmp_path / "s"
    with contextlib.ExitStack() as stack:
        busy = stack.enter_context(socket.socket(socket.AF_UNIX))
        busy.bind(str(path))
        busy.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                client = stack.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(str(path))

        with pytest.raises(SocketInUseError, match="is in use"):
            listen_unix(path)


class _Stranger(socket.socket):
    """A client that may not connect: the file is one of root, mode 0600."""

    def connect(self, address: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize("listens", [False, True])
def test_a_file_of_another_user(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, listens: bool, is_kept: bool
) -> None:
    """It is replaced, unless another socket than the kept one listens there."""
    path = tmp_path / "s"
    kept = listen_unix(path) if is_kept else None
    path.unlink(missing_ok=True)
    monkeypatch.setattr(systemd, "take_kept", lambda _: kept)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        if listens:
            other.listen()
        with monkeypatch.context() as patch:
            patch.setattr(socket, "socket", _Stranger)
            if listens:
                with pytest.raises(SocketInUseError, match="is in use"):
                    listen_unix(path)
                return
            listener = listen_unix(path)
    with listener, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_taken_port_is_named() -> None:
    """Which port, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(SocketInUseError, match=f"port {port} is in use: stop the unit"):
            listen_tcp("127.0.0.1", port)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give a directory to a group")
def test_a_socket_belongs_to_the_group_of_its_directory(socket_directory: pathlib.Path) -> None:
    """So its clients can connect, and nobody else: see modules/chatmail/files.nix."""
    nogroup = 65534
    os.chown(socket_directory, 0, nogroup)
    socket_directory.chmod(0o2750)
    path = socket_directory / "s"

    with listen_unix(path):
        found = path.stat()

    assert (found.st_gid, found.st_mode & 0o777) == (nogroup, 0o660)
