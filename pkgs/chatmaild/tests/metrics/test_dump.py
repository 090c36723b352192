"""How the collector reads a service."""

import asyncio
import pathlib
import socket

import pytest

from chatmaild.errors import ProtocolError
from chatmaild.metrics import Counters, collecting, dump
from chatmaild.metrics.recent import Recent
from chatmaild.wire.listening import listen_unix
from chatmaild.wire.serve import streams


def _numbers() -> tuple[Counters, Recent]:
    counters, recent = Counters(), Recent()
    counters.add("logins", result="accepted")
    for number in range(100):
        recent.note(b"<%d@example.org>" % number, number)
    return counters, recent


def test_an_asyncio_service_answers(socket_directory: pathlib.Path) -> None:
    """And closes, which is the end of the answer."""
    path, (counters, recent) = socket_directory / "metrics.sock", _numbers()

    async def scenario() -> dump.Dump:
        handler = collecting.connection(lambda: dump.encode(counters, recent))
        async with streams(listen_unix(path), handler):
            return await collecting.read(path)

    found = asyncio.run(scenario())

    assert (found.text, found.recent) == (counters.text(), recent.entries())


def test_a_thread_answers(socket_directory: pathlib.Path) -> None:
    """As in the filter, again and again, also after a client that reads nothing."""
    path, (counters, recent) = socket_directory / "metrics.sock", _numbers()
    dump.serve_in_thread(listen_unix(path), lambda: dump.encode(counters, recent))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    for _ in range(3):
        assert dump.read_now(path).recent == recent.entries()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"text": "x"}', b'{"text": "", "recent": 1}'])
def test_nonsense_is_an_error(data: bytes) -> None:
    """Of one kind."""
    with pytest.raises(ProtocolError):
        dump.decode(data)
