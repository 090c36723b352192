"""While an account moves, questions about it wait until it is known which store has it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from chatmaild.errors import MovingError
from chatmaild.wire.http1 import Response, json_response

# An account is out of use for 3 s at most, mostly for 0.1 s; the front asks again
WAIT_S: Final = 2.0
_POLL_S: Final = 0.01
# the front asks all stores again: it may have asked the other one before
LEAVES: Final = json_response({"leaves": True}, HTTPStatus.SERVICE_UNAVAILABLE)


async def settled(answer: Callable[[], Awaitable[Response]]) -> Response:
    """Return an answer, which is asked again while it raises MovingError; at last, LEAVES."""
    end_s = time.monotonic() + WAIT_S
    while True:
        try:
            return await answer()
        except MovingError:
            if time.monotonic() > end_s:
                return LEAVES
        await asyncio.sleep(_POLL_S)
