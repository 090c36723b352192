"""The real Delta Chat core as a client: what it does is what people get."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from deltachat_rpc_client import Account, DeltaChat, Rpc

from support.target import Target, new_name, new_password

END_TIMEOUT_S = 10


@contextlib.contextmanager
def core(directory: Path) -> Iterator[DeltaChat]:
    """Gives a core that keeps its accounts in `directory`."""
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


def profile(chats: DeltaChat, target: Target, domain: str, name: str) -> Account:
    """Returns a new profile that is logged in and idle; its address exists from then on."""
    account = chats.add_account()
    account.set_config("displayname", name)
    account.add_transport_from_qr(login_link(target, domain))
    account.bring_online()
    return account


def login_link(target: Target, domain: str) -> str:
    """Returns a `dclogin:` link of a new address; the lab's certificates need not be trusted."""
    host = target.host(domain)
    fields = {"p": new_password(), "v": "1", "ic": "3", "sc": "3"}
    fields |= {"ih": host, "ip": "993", "is": "ssl", "sh": host, "sp": "465", "ss": "ssl"}
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in fields.items())
    return f"dclogin:{new_name()}@{domain}?{query}"
