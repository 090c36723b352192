"""A store goes down, and is back: what the front does then."""

import asyncio
import dataclasses
import pathlib
from collections.abc import Callable

import pytest

from chatmaild.directory import outages
from chatmaild.directory.outages import Outages
from chatmaild.settings import Settings
from chatmaild.settings_types import Store

from .conftest import PlayCluster
from .support.cluster import Cluster
from .support.standins import until

REQUEST = "VERSION\tscript\t4\t0\nnoreply\n{address}\n*\n\n"
Runs = Callable[[Callable[[Outages], object]], int]


@pytest.fixture
def runs(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Count the runs of the queue after something happened, until no more are planned."""
    monkeypatch.setattr(outages, "RETURN_S", 0.0)
    monkeypatch.setattr(outages, "SLOW_S", 0.0)
    monkeypatch.setattr(outages, "REMEMBERS_S", 0.05)
    sign = pathlib.Path(settings.sockets.store_returned)

    async def inside(happens: Callable[[Outages], object]) -> int:
        front, found = Outages(settings), 0
        happens(front)
        while front._tasks:
            await asyncio.wait(front._tasks, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)
            found += sign.exists()
            sign.unlink(missing_ok=True)
        return found

    return lambda happens: asyncio.run(inside(happens))


def test_sessions_end_and_the_queue_runs(
    play_cluster: PlayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dovecot is asked to end those with the store; when it is back, Postfix gets its sign."""
    monkeypatch.setattr(outages, "RETURN_S", 0.0)
    monkeypatch.setattr(outages, "CERTAIN_S", 0.0)
    asked: list[str] = []

    async def dovecot(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\n\n")).decode())
        writer.close()

    async def scenario(cluster: Cluster) -> None:
        sockets, store = cluster.settings.sockets, cluster.stores["store2"]
        sign = pathlib.Path(sockets.store_returned)
        # the first one is that of the start
        await until(sign.exists)
        sign.unlink()
        async with await asyncio.start_unix_server(dovecot, sockets.end_sessions):
            await store.stop()
            await until(lambda: bool(asked))
            assert not sign.exists()
            await store.start()
            await until(sign.exists)

        assert asked == [REQUEST.format(address=store.settings.cluster.address)]

    play_cluster(scenario)


def test_a_store_that_answers_again_keeps_its_sessions(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine may miss a few questions."""
    monkeypatch.setattr(outages, "CERTAIN_S", 0.0)
    ended: list[str] = []
    monkeypatch.setattr(outages, "end_sessions_at", lambda _, address: ended.append(address))
    monkeypatch.setattr(outages, "RETURN_S", 0.0)

    async def scenario() -> None:
        front = Outages(settings)
        front.changed("store1", False)
        front.changed("store1", True)
        await asyncio.gather(*front._tasks)

    asyncio.run(scenario())

    assert ended == []


def test_without_dovecot_no_session_ends(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has none then."""
    monkeypatch.setattr(outages, "CERTAIN_S", 0.0)

    async def scenario() -> None:
        store = Store(address="fd00::1", host="x", public_key="", state="open", weight=1)
        cluster = dataclasses.replace(settings.cluster, stores={"store1": store})
        front = Outages(dataclasses.replace(settings, cluster=cluster))
        async with front.handled():
            front.changed("store1", False)
            while len(front._tasks) > 1:
                await asyncio.sleep(0)

    asyncio.run(scenario())

    assert caplog.records == []


def test_a_slow_store_gets_two_runs(runs: Runs) -> None:
    """However much mail waits for it: soon, and when Postfix has forgotten its last look-up."""
    assert runs(_three_wait) == 2
    assert runs(lambda front: front.waits(is_up=False)) == 0


def test_what_postfix_remembers_gets_a_second_run(runs: Runs) -> None:
    """Its queue manager may just have heard that the store is down."""

    def waits_and_returns(front: Outages) -> None:
        front.waits(is_up=False)
        front.changed("store1", True)

    assert runs(lambda front: front.changed("store1", True)) == 1
    assert runs(waits_and_returns) == 2


def test_a_sign_that_cannot_be_written_is_logged(
    settings: Settings, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    """The mail waits for Postfix' own next try."""
    pathlib.Path(settings.sockets.store_returned).mkdir()
    with pytest.raises(IsADirectoryError):
        runs(lambda front: front.changed("store1", True))

    assert [record.levelname for record in caplog.records] == ["ERROR"]


def _three_wait(front: Outages) -> None:
    for _ in range(3):
        front.waits(is_up=True)
