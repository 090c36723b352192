"""systemd keeps listening sockets between two processes of a unit; no client is refused."""

import array
import os
import pathlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from chatmaild.wire import serve, systemd

from ..waiting import DEADLINE_S

FIRST_FD = 3


class Store:
    """systemd's store: sockets by name."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.sockets: dict[str, socket.socket] = {}
        self.path = directory / "notify"
        self._inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._inbox.bind(str(self.path))
        self._inbox.setblocking(False)

    def read(self) -> None:
        """Take what was sent."""
        while True:
            try:
                message, ancillary, *_ = self._inbox.recvmsg(1000, socket.CMSG_SPACE(4))
            except BlockingIOError:
                return
            fields = dict(line.split("=", 1) for line in message.decode().splitlines())
            if "FDSTOREREMOVE" in fields:
                self.sockets.pop(fields["FDNAME"]).close()
            for *_, data in ancillary:
                self.sockets[fields["FDNAME"]] = socket.socket(fileno=array.array("i", data)[0])

    def close(self) -> None:
        """Forget everything, as `systemctl stop` does."""
        for kept in self.sockets.values():
            kept.close()
        self._inbox.close()

    def starts_a_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Hand on what is kept; here it is the same process, so its numbers are faked."""
        self.read()
        self.copies = [os.dup(kept.fileno()) for kept in self.sockets.values()]
        monkeypatch.setattr(systemd, "_FIRST_FD", min(self.copies, default=FIRST_FD))
        assert self.copies == list(range(self.copies[0], self.copies[0] + len(self.copies)))
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", str(len(self.copies)))
        monkeypatch.setenv("LISTEN_FDNAMES", ":".join(self.sockets))
        systemd._kept.cache_clear()


@pytest.fixture
def store(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store that this process reports to."""
    store = Store(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(store.path))
    systemd._kept.cache_clear()
    yield store
    store.close()
    systemd._kept.cache_clear()


def test_clients_wait_for_the_next_process(
    store: Store, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that connects between two processes is served by the second one."""
    path = tmp_path / "s"
    serve.listen_unix(path).close()
    store.read()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        store.starts_a_process(monkeypatch)

        with serve.listen_unix(path, mode=0o600) as listener:
            assert not listener.get_inheritable()
            accepted, _ = listener.accept()
            with accepted:
                accepted.sendall(b"late, but here")
            assert client.recv(100) == b"late, but here"

    assert path.stat().st_mode & 0o777 == 0o600


def test_ports_are_kept_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their names hold no colon, which is systemd's separator."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve.listen_tcp("127.0.0.1", port).close()
    store.read()
    with socket.create_connection(("127.0.0.1", port)) as client:
        store.starts_a_process(monkeypatch)

        with serve.listen_tcp("127.0.0.1", port) as listener:
            accepted, peer = listener.accept()
            accepted.close()

        assert peer == client.getsockname()
    assert list(store.sockets) == [f"127.0.0.1-{port}"]


def test_a_socket_whose_file_is_gone_is_made_anew(
    store: Store, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients cannot reach the old one."""
    path = tmp_path / "s"
    serve.listen_unix(path).close()
    store.starts_a_process(monkeypatch)
    path.unlink()

    with serve.listen_unix(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_unused_sockets_are_closed(
    store: Store, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old port is free after the settings changed it."""
    serve.listen_unix(tmp_path / "old").close()
    store.starts_a_process(monkeypatch)

    serve.listen_unix(tmp_path / "new").close()
    systemd.drop_kept()

    store.read()
    assert list(store.sockets) == [str(tmp_path / "new")]
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
        client.connect(str(tmp_path / "old"))


def test_descriptors_for_another_process_are_left_alone(
    store: Store, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child inherits the variables of its parent (sd_listen_fds(3))."""
    path = tmp_path / "s"
    serve.listen_unix(path).close()
    store.starts_a_process(monkeypatch)
    monkeypatch.setenv("LISTEN_PID", "1")

    assert systemd.take_kept(str(path)) is None
    for copy in store.copies:
        os.close(copy)


def test_a_process_waits_for_systemd(store: Store) -> None:
    """It waits until systemd closes the barrier, at most until the deadline."""
    waiter = threading.Thread(target=systemd.wait_until_heard, args=[DEADLINE_S])
    waiter.start()
    message, ancillary, *_ = receives(store)
    given = array.array("i", ancillary[0][2])[0]
    assert message == b"BARRIER=1"
    assert waiter.is_alive()
    os.close(given)
    waiter.join(DEADLINE_S)

    assert not waiter.is_alive()
    systemd.wait_until_heard(0.0)


def receives(store: Store) -> Any:
    """The next message to systemd."""
    store._inbox.settimeout(DEADLINE_S)
    return store._inbox.recvmsg(1000, socket.CMSG_SPACE(4))
