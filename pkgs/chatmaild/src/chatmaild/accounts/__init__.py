"""The accounts service: logins, recipients, metadata, push and /new, as the user vmail."""

import logging
import os
from contextlib import AsyncExitStack
from typing import Final

from chatmaild.settings import Settings
from chatmaild.wire import serve

_log = logging.getLogger(__name__)

# mailboxes: others may do nothing, the group may open paths that it knows
UMASK: Final = 0o027


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
