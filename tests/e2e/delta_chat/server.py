"""The real Delta Chat core as a client, by its JSON-RPC server."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from chatmail_testkit.people.login_links import login_link
from chatmail_testkit.relays.target import Target
from chatmail_testkit.traces.ledger import record_login
from deltachat_rpc_client import Account, DeltaChat, Rpc

END_TIMEOUT_S = 10


@contextlib.contextmanager
def core(directory: Path) -> Iterator[DeltaChat]:
    """Run a core that keeps its accounts in `directory`."""
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    server = shutil.which("deltachat-rpc-server", path=places) or "deltachat-rpc-server"
    rpc = Rpc(accounts_dir=str(directory), rpc_server_path=server)
    rpc.start()
    try:
        yield DeltaChat(rpc)
    finally:
        rpc.close()
        with rpc.process:  # closes its pipes, too
            rpc.process.wait(timeout=END_TIMEOUT_S)


def login_of(account: Account) -> tuple[str, str]:
    """Return address and password of the only relay of a profile, and record them."""
    [transport] = account.list_transports()
    record_login(transport["addr"], transport["password"])
    return transport["addr"], transport["password"]


def profile(chats: DeltaChat, target: Target, domain: str, name: str) -> Account:
    """Return a new profile that has logged in and is idle; the login creates its address."""
    account = chats.add_account()
    account.set_config("displayname", name)
    account.add_transport_from_qr(login_link(target, domain))
    account.bring_online()
    return account
