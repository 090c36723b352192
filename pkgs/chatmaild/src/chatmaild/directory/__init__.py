"""The directory of a front: which store has an address, and what the store says about it.

It stands where `chatmaild accounts` does on a relay of one machine: Postfix, Dovecot, nginx and the
transport ask on the same sockets. The filter asks, too: no mailbox is here.
"""

import os
from contextlib import AsyncExitStack

from chatmaild.settings import Settings
from chatmaild.wire import serve


def run(settings: Settings) -> None:
    """Serve Dovecot, Postfix, nginx and the filter until SIGTERM.

    Raises:
        OSError: a socket cannot be used.
    """
    from chatmaild.directory.service import set_up

    os.umask(0o027)

    async def setup(stack: AsyncExitStack) -> None:
        await set_up(settings, stack)

    serve.run(setup)
