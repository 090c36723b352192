"""The unit chatmail-rebalance of a store: move accounts to the stores where they belong.

leaving     the store that has accounts which belong to others
arriving    the store that gets them
peer        ask another store
records     files in the bodies of requests
tree        the files of an account: which go along, and whether two trees are the same
news        phones to wake after a move
belongings  invites and names of deleted addresses, which move, too
progress    how far it is, and whether the operator wants it
service     the sockets, and the thread of the job

An account is at exactly one store at each moment. A rename decides (`arriving.staging`), and the
store that had the account asks afterwards whether it happened
(`leaving.recovery`).
"""

import os

from chatmaild.settings import Settings
from chatmaild.wire import serve


def run(settings: Settings) -> None:
    """Serve other stores, and move accounts when the operator wants it, until SIGTERM.

    Raises:
        OSError: a socket or a directory cannot be used.
        SettingsError: this machine is no store.
    """
    from chatmaild.accounts import UMASK
    from chatmaild.rebalance.service import set_up

    os.umask(UMASK)
    serve.run(lambda stack: set_up(settings, stack))
