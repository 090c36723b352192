"""A login that cannot be decided now is tried again while its client waits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from chatmaild.accounts.limits import patience as module
from chatmaild.accounts.limits.patience import Patience
from chatmaild.directory import service
from chatmaild.errors import BusyError, TooManyError
from chatmaild.settings import Settings
from chatmaild.wire.http1 import Response

from ...waiting import DEADLINE_S

LATER: Final = Response(status=503)
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """More patience than a test needs, and many attempts."""
    monkeypatch.setattr(module, "PATIENCE_S", 1000.0)
    monkeypatch.setattr(module, "RETRY_S", 0.01)


def failing(times: int, error: Exception) -> Callable[[], Awaitable[Response]]:
    """An attempt that fails that often."""
    left = [error] * times

    async def attempt() -> Response:
        if left:
            raise left.pop()
        return Response()

    return attempt


@pytest.mark.parametrize("error", [BusyError("x"), TooManyError("x"), OSError(28, "full")])
def test_attempts_are_repeated(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the reason; a fault is logged once."""
    answer = asyncio.run(_answer(failing(3, error)))

    assert answer.status == 200
    assert len(caplog.records) == (1 if isinstance(error, OSError) and error.errno else 0)


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a temporary failure."""
    monkeypatch.setattr(module, "PATIENCE_S", 0.11)

    assert asyncio.run(_answer(failing(1000, BusyError("x")))) is LATER


def test_a_stop_ends_all_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A restart does not wait for guesses."""
    monkeypatch.setattr(module, "RETRY_S", 100.0)

    async def scenario() -> Response:
        patience = Patience()
        waiting = asyncio.create_task(patience.answer(failing(1000, BusyError("x")), HERE, LATER))
        await asyncio.sleep(0)
        patience.stop()
        return await asyncio.wait_for(waiting, DEADLINE_S)

    assert asyncio.run(scenario()) is LATER


def test_one_network_does_not_use_all_connections() -> None:
    """Beyond its part it is answered at once; another network is held."""

    async def scenario() -> None:
        patience = Patience()

        def start(ip: str) -> "asyncio.Task[Response]":
            never = failing(1000, BusyError("x"))
            return asyncio.create_task(patience.answer(never, ip, LATER))

        here = [start(HERE) for _ in range(module.MOST_OF_NETWORK + 5)]
        elsewhere = start(ELSEWHERE)
        for _ in range(3):
            await asyncio.sleep(0)

        assert sum(task.done() for task in here) == 5
        assert not elsewhere.done()
        patience.stop()
        await asyncio.gather(*here, elsewhere)
        assert patience._held.total() == len(patience._held) == 0

    asyncio.run(scenario())


def test_every_submission_process_of_a_front_may_wait(settings: Settings) -> None:
    """Behind one address of a provider, say: none of them tells of a wrong password."""
    processes = 2 * settings.limits.smtp_connections

    async def never() -> Response:
        raise BusyError("the store is down")

    async def scenario() -> None:
        waits = service._patience(settings)
        tasks = [
            asyncio.create_task(waits.answer(never, HERE, LATER)) for _ in range(processes + 1)
        ]
        for _ in range(3):
            await asyncio.sleep(0)

        assert [task.done() for task in tasks].count(True) == 1
        waits.stop()
        assert await asyncio.gather(*tasks) == [LATER] * len(tasks)

    asyncio.run(scenario())


async def _answer(attempt: Callable[[], Awaitable[Response]]) -> Response:
    return await Patience().answer(attempt, HERE, LATER)
