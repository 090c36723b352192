"""The accounts service: everything that knows addresses, in one process of the user vmail."""

import logging
import os
from contextlib import AsyncExitStack

from chatmaild.settings import Settings
from chatmaild.wire import serve

_log = logging.getLogger(__name__)

# mailboxes: nothing for others, and the group may only ask for names that it knows
UMASK = 0o027


def run(settings: Settings) -> None:
    """Serve Dovecot, Postfix and nginx until SIGTERM.

    Raises:
        OSError: a socket or the state directory cannot be used.
    """
    from chatmaild.accounts.service import set_up

    os.umask(UMASK)

    async def setup(stack: AsyncExitStack) -> None:
        await set_up(settings, stack)

    serve.run(setup)
