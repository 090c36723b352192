"""What a command does with the answers of stores."""

import dataclasses
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.cluster import remote
from chatmaild.settings import Settings

from .world import World

ANSWER = (200, b"{}")


class Strange(BaseHTTPRequestHandler):
    """Another program, or another version."""

    answer = ANSWER

    def do_POST(self) -> None:
        """Answer whatever is asked."""
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def strange(world: World) -> Iterator[Settings]:
    """The settings of a front whose first store is something else."""
    with HTTPServer(("127.0.0.1", 0), Strange) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        settings = world.front.settings
        store = dataclasses.replace(settings.cluster.stores["store1"], address="127.0.0.1")
        cluster = dataclasses.replace(settings.cluster, stores={"store1": store})
        ports = dataclasses.replace(settings.ports, accounts=server.server_port)
        yield dataclasses.replace(settings, cluster=cluster, ports=ports)
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, b"{}"), "answers something else; is it the same version"),
        ((200, b"[1]"), "answers something else; is it the same version"),
        ((200, b"<html>"), "does not answer: "),
        ((400, b"{}"), "answers 400; is it the same version"),
        ((503, b"{}"), "does not know now"),
    ],
)
def test_another_answer_is_an_error(
    strange: Settings, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, bytes], said: str
) -> None:
    """In one line, with the name of the store."""
    monkeypatch.setattr(Strange, "answer", answer)

    with pytest.raises(ChatmaildError, match=f"^the store store1 {said}"):
        remote.run(strange, "store1", ["status"])
    assert remote.run_on_all(strange, ["status"])["store1"].code == 1


def test_a_store_that_cannot_be_reached_has_done_nothing(world: World) -> None:
    """Another one may be asked instead; no test has a machine that is silent."""
    ports = dataclasses.replace(world.front.settings.ports, accounts=9)
    settings = dataclasses.replace(world.front.settings, ports=ports)

    with pytest.raises(remote.UnreachableError, match="store store2 does not answer: "):
        remote.run(settings, "store2", ["status"])
    assert not remote.is_alive(settings, "store2")
    assert remote.is_alive(world.front.settings, "store2")


def test_machines_are_asked_at_once() -> None:
    """Each waits for the other one here."""
    both = threading.Barrier(2, timeout=10)

    assert remote.each(["b", "a"], lambda name: (both.wait(), name)[1]) == {"a": "a", "b": "b"}
    assert remote.each([], str) == {}
