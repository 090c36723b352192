"""The loop serves many connections in one thread; none waits for another."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from chatmaild.errors import ProtocolError
from chatmaild.wire.loop import Loop, State, Work

from ..waiting import DEADLINE_S, until


class Echo:
    """Echoes; some words do more."""

    def __init__(self) -> None:
        self.state: State | None = State("echo", b"")
        self.is_closed = False
        self.settled = 0
        self.release = threading.Event()

    def receive(self, data: bytes) -> bytes | Work:
        match data:
            case b"slow":
                return self._slowly
            case b"broken":
                raise RuntimeError
            case b"broken slowly":
                return self._breaks
            case b"not the protocol":
                raise ProtocolError("no")
            case b"begin":
                self.state = None
            case b"end":
                self.state = State("echo", b"said before")
            case b"much":
                return b"x" * 3_000_000
        return data

    def settle(self) -> None:
        self.settled += 1

    def close(self) -> None:
        assert not self.is_closed
        self.is_closed = True

    def _slowly(self) -> bytes:
        assert self.release.wait(DEADLINE_S)
        return b"done"

    def _breaks(self) -> bytes:
        raise RuntimeError


class Served:
    """A loop in a thread."""

    def __init__(self, drain_s: float) -> None:
        self.sessions: list[Echo] = []
        self.kept: list[socket.socket] = []
        self.states: list[State] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind("")
        self.listener.listen()
        self.listener.setblocking(False)
        self.loop = Loop({self.listener: self._session})
        self.thread = threading.Thread(target=self.loop.run, args=(self._keep, drain_s))
        self.thread.start()

    def _session(self) -> Echo:
        self.sessions.append(Echo())
        return self.sessions[-1]

    def _keep(self, peer: socket.socket, state: State) -> None:
        self.kept.append(peer.dup())
        self.states.append(state)

    def connect(self) -> socket.socket:
        """A client's side."""
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(DEADLINE_S)
        peer.connect(self.listener.getsockname())
        return peer

    def ends(self) -> None:
        """Stop and wait."""
        self.loop.stop()
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive()


@contextlib.contextmanager
def serving(drain_s: float) -> Iterator[Served]:
    """A loop that runs."""
    served = Served(drain_s)
    yield served
    served.ends()
    for peer in (*served.kept, served.listener):
        peer.close()


@pytest.fixture
def served() -> Iterator[Served]:
    """A loop that runs, and has time to hand over connections."""
    with serving(DEADLINE_S) as served:
        yield served


def said(peer: socket.socket, text: bytes) -> bytes:
    """Return the answer; nothing at the end of the connection."""
    peer.sendall(text)
    return peer.recv(100)


def test_a_slow_answer_delays_no_other(served: Served) -> None:
    """A thread finds the answer."""
    with served.connect() as slow, served.connect() as quick:
        slow.sendall(b"slow")
        assert [said(quick, b"hello") for _ in range(3)] == [b"hello"] * 3
        slow.settimeout(0.05)
        with pytest.raises(TimeoutError):
            slow.recv(1)
        slow.settimeout(DEADLINE_S)
        served.sessions[0].release.set()

        assert slow.recv(100) == b"done"
        assert said(slow, b"again") == b"again"


@pytest.mark.parametrize("text", [b"broken", b"not the protocol"])
def test_a_fault_ends_one_connection_alone(
    served: Served, text: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Its log line has no content of the connection."""
    with served.connect() as bad, served.connect() as good:
        assert said(bad, text) == b""
        assert said(good, b"hello") == b"hello"
        assert served.sessions[0].is_closed
    assert caplog.messages == ([] if text != b"broken" else [*caplog.messages])


def test_a_fault_in_a_thread_leaves_the_loop_running(served: Served) -> None:
    """The peer gets no answer, and others are served."""
    with served.connect() as bad, served.connect() as good:
        bad.sendall(b"broken slowly")

        assert said(good, b"hello") == b"hello"


def test_too_many_threads_end_one_connection_alone(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the system gives no thread, the peer may retry, and others are served."""

    def refuses(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with served.connect() as bad, served.connect() as good:
        assert said(good, b"hello") == b"hello"
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuses)
            assert said(bad, b"slow") == b""
        assert said(good, b"hello") == b"hello"
        assert served.sessions[0].is_closed or served.sessions[1].is_closed
    assert len(caplog.messages) == 1


def test_a_peer_that_reads_slowly_gets_everything(served: Served) -> None:
    """The rest of an answer is sent later, and others are served meanwhile."""
    with served.connect() as slow, served.connect() as quick:
        slow.sendall(b"much")
        assert said(quick, b"hello") == b"hello"
        left = 3_000_000
        while left:
            left -= len(slow.recv(100_000))

        assert said(slow, b"hello") == b"hello"


def test_a_client_that_leaves_before_its_answer(served: Served) -> None:
    """The answer does not go to the next client with the same descriptor."""
    with served.connect() as leaves:
        leaves.sendall(b"slow")
        until(lambda: served.loop._working == 1)
    with served.connect() as following:
        assert said(following, b"hello") == b"hello"
        served.sessions[0].release.set()
        until(lambda: served.sessions[0].is_closed)

        assert said(following, b"hello") == b"hello"


def test_idle_connections_are_handed_over(served: Served) -> None:
    """Connections without a state are served until they have one."""
    with served.connect() as idle, served.connect() as busy:
        assert said(idle, b"hello") == b"hello"
        assert said(busy, b"begin") == b"begin"
        served.loop.stop()
        until(lambda: len(served.kept) == 1)
        idle.sendall(b"for the next process")
        assert said(busy, b"end") == b"end"
        until(lambda: len(served.kept) == 2)

        assert served.kept[0].recv(100) == b"for the next process"
        assert [state.content for state in served.states] == [b"", b"said before"]
        served.kept[1].sendall(b"from the next process")
        assert busy.recv(100) == b"from the next process"


def test_a_connection_that_gets_no_state_is_closed() -> None:
    """After the drain."""
    with serving(drain_s=0.1) as served, served.connect() as stuck:
        assert said(stuck, b"begin") == b"begin"
        served.loop.stop()

        assert stuck.recv(1) == b""
        assert served.kept == []


def test_what_can_wait_is_done_when_the_answer_is_sent(served: Served) -> None:
    """Once for each answer, also for one that a thread found."""
    with served.connect() as peer:
        assert said(peer, b"hello") == b"hello"
        session = served.sessions[0]
        session.release.set()
        assert said(peer, b"slow") == b"done"
        assert said(peer, b"hello") == b"hello"
        served.ends()

    assert session.settled == 3
