"""Questions to a real HTTP server, and what goes wrong with one."""

import contextlib
import pathlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from chatmaild.address import Address, parse_address
from chatmaild.errors import DirectoryError
from chatmaild.filter.directory import client
from chatmaild.filter.directory.client import IN_DOUBT, UNKNOWN, Directory, Facts
from chatmaild.wire.http1 import Response, json_response

from ..support.front import HERE, UNAVAILABLE, StandIn
from ..support.messages import ALICE, BOB, DOMAIN

ACCOUNT = parse_address(ALICE)
OTHER = parse_address(BOB)
FREE = Facts(exists=True, is_disabled=False, enforces_encryption=True, is_nearly_full=False)


@pytest.fixture
def path(socket_directory: pathlib.Path) -> str:
    """The socket of the directory."""
    return str(socket_directory / "directory.sock")


@pytest.fixture
def stand_in(path: str) -> Iterator[StandIn]:
    """A directory that knows Alice."""
    directory = StandIn(path)
    directory.known[ALICE] = HERE
    with directory.running():
        yield directory


@pytest.fixture
def directory(path: str) -> Iterator[Directory]:
    """Its client."""
    with contextlib.closing(Directory(path)) as client:
        yield client


def test_facts(stand_in: StandIn, directory: Directory) -> None:
    """Each fact is the one of the answer; of an unknown address encrypted mail is demanded."""
    assert directory.facts((ACCOUNT, OTHER)) == {ACCOUNT: FREE, OTHER: UNKNOWN}
    assert UNKNOWN.enforces_encryption
    for name, field, value in (
        ("disabled", "is_disabled", True),
        ("enforces", "enforces_encryption", False),
        ("nearly_full", "is_nearly_full", True),
    ):
        stand_in.known[ALICE] = HERE | {name: value}

        assert directory.facts((ACCOUNT,)) == {ACCOUNT: FREE._replace(**{field: value})}


def test_an_address_arrives_as_it_is(stand_in: StandIn, directory: Directory) -> None:
    """Every character that an address may have."""
    odd = parse_address("!#$%&'*=?^_`{|}~;,.:-\"\\()<>[]+tag@" + DOMAIN)
    stand_in.known[str(odd)] = HERE

    assert directory.facts((odd,)) == {odd: FREE}


def test_many_are_asked_at_once_and_each_once(stand_in: StandIn, directory: Directory) -> None:
    """A message to a large group does not wait for one answer after the other."""
    many = [Address(f"name{number}", DOMAIN) for number in range(50)]
    stand_in.known.update({str(address): HERE for address in many[::2]})
    found = directory.facts((*many, *many))

    assert found == {a: UNKNOWN if n % 2 else FREE for n, a in enumerate(many)}
    assert set(stand_in.asked.values()) == {1}


def test_questions_at_the_same_time(stand_in: StandIn, directory: Directory) -> None:
    """Eight are asked before the first one is answered."""
    stand_in.is_open.clear()
    many = [Address(f"name{number}", DOMAIN) for number in range(client.AT_ONCE)]
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(directory.facts(many)))
    thread.start()
    deadline_s = time.monotonic() + client.DEADLINE_S
    while len(stand_in.asked) < client.AT_ONCE:
        assert time.monotonic() < deadline_s
        time.sleep(0.001)
    stand_in.is_open.set()
    thread.join()

    assert found == [dict.fromkeys(many, UNKNOWN)]


def test_room(stand_in: StandIn, directory: Directory) -> None:
    """The store decides."""
    stand_in.room[ALICE] = 100

    assert directory.has_room(ACCOUNT, 100)
    assert not directory.has_room(ACCOUNT, 101)


def test_one_store_that_does_not_answer(
    stand_in: StandIn, directory: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    """Its address is in doubt: it may exist, and takes no clear text. The others are known."""
    stand_in.answers[BOB] = UNAVAILABLE

    assert directory.facts((OTHER, ACCOUNT)) == {OTHER: IN_DOUBT, ACCOUNT: FREE}
    assert IN_DOUBT.exists
    assert IN_DOUBT.enforces_encryption
    with pytest.raises(DirectoryError):
        directory.has_room(OTHER, 1)
    assert caplog.text == ""


@pytest.mark.parametrize(
    "answer",
    [
        json_response({}, 500),
        json_response({}, 404),
        json_response(HERE, 202),
        json_response({}),
        json_response([]),
        json_response(HERE | {"state": "free"}),
        json_response(HERE | {"disabled": None}),
        json_response(HERE | {"disabled": 0}),
        json_response({name: value for name, value in HERE.items() if name != "enforces"}),
        json_response(HERE | {"nearly_full": "no"}),
        Response(body=b"{"),
        Response(body=b"\xff"),
        Response(),
        Response(body=b" " * 20000),
        Response(body=b"[" * 16000),
    ],
)
def test_what_is_no_clear_answer_is_none(
    stand_in: StandIn, directory: Directory, answer: Response
) -> None:
    """Neither "unknown", nor "in doubt", nor "has room"; the next question is answered."""
    stand_in.answers[ALICE] = answer
    with pytest.raises(DirectoryError):
        directory.facts((ACCOUNT, OTHER))
    with pytest.raises(DirectoryError):
        directory.has_room(ACCOUNT, 1)

    assert directory.facts((OTHER,)) == {OTHER: UNKNOWN}


def test_a_restart_is_not_noticed(
    path: str, directory: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    """The connections of the previous process are closed: the question is repeated."""
    for _ in range(3):
        stand_in = StandIn(path)
        stand_in.known[ALICE] = HERE
        with stand_in.running():
            assert directory.facts((ACCOUNT, OTHER)) == {ACCOUNT: FREE, OTHER: UNKNOWN}
    assert caplog.text == ""


def test_without_a_directory_there_is_one_warning(
    path: str, directory: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    """And one more after it was back."""
    for _ in range(2):
        for _ in range(3):
            with pytest.raises(DirectoryError):
                directory.facts((ACCOUNT,))
        with StandIn(path).running():
            directory.facts((ACCOUNT,))

    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "alice" not in caplog.text


def test_a_directory_that_hangs_has_a_deadline(
    stand_in: StandIn,
    directory: Directory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """For all questions together; they stay in doubt, and there is one warning."""
    monkeypatch.setattr(client, "DEADLINE_S", 0.2)
    stand_in.is_open.clear()
    many = [Address(f"name{number}", DOMAIN) for number in range(30)]
    began_s = time.monotonic()

    assert directory.facts(many) == dict.fromkeys(many, IN_DOUBT)
    assert time.monotonic() - began_s >= 0.2
    assert len(stand_in.asked) <= client.AT_ONCE
    assert [record.args for record in caplog.records] == [("TimeoutError",)]


def test_one_answer_that_hangs_delays_none_that_came(
    stand_in: StandIn, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those behind it are read, although the deadline is over."""
    monkeypatch.setattr(client, "DEADLINE_S", 0.2)
    stand_in.held.add(BOB)

    assert directory.facts((OTHER, ACCOUNT)) == {OTHER: IN_DOUBT, ACCOUNT: FREE}


@contextlib.contextmanager
def closing(path: str, answer: bytes) -> Iterator[list[bytes]]:
    """A server that sends bytes on each connection and closes it; yields the requests."""
    asked: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(1024))
                connection.sendall(answer)

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"220 relay.example ESMTP\r\n\r\n",
        b"\0" * 20000,
    ],
)
def test_a_server_that_speaks_something_else(
    path: str, directory: Directory, answer: bytes
) -> None:
    """Or breaks off; a new connection is not tried twice."""
    with closing(path, answer) as asked:
        with pytest.raises(DirectoryError):
            directory.facts((ACCOUNT,))

        assert len(asked) == 1


@pytest.mark.parametrize("says_so", [True, False])
def test_a_connection_may_be_closed_after_an_answer(
    path: str, directory: Directory, *, says_so: bool
) -> None:
    """The next question has a new one."""
    unknown = json_response({"state": "unknown"})
    with closing(path, unknown.encode(keep_alive=not says_so)) as asked:
        for _ in range(3):
            assert directory.facts((ACCOUNT,)) == {ACCOUNT: UNKNOWN}

        assert len(asked) == 3
