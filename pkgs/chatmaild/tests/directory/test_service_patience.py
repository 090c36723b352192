"""How many submissions wait on a front while nobody can check their password."""

import asyncio

from chatmaild.directory import service
from chatmaild.errors import BusyError
from chatmaild.settings import Settings
from chatmaild.wire.http1 import Response


def test_every_submission_process_may_wait(settings: Settings) -> None:
    """Behind one address of a provider, say: none of them tells of a wrong password."""
    processes = 2 * settings.limits.smtp_connections
    later = Response(status=503)

    async def never() -> Response:
        raise BusyError("the store is down")

    async def scenario() -> None:
        waits = service._patience(settings)
        tasks = [
            asyncio.create_task(waits.answer(never, "192.0.2.1", later))
            for _ in range(processes + 1)
        ]
        for _ in range(3):
            await asyncio.sleep(0)

        assert [task.done() for task in tasks].count(True) == 1
        waits.stop()
        assert await asyncio.gather(*tasks) == [later] * len(tasks)

    asyncio.run(scenario())
