"""The ACME account of an upstream relay: with it, a CAA record with `accounturi` stays valid."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from chatmaild.errors import UntakenError
from chatmaild.operator.acme import account
from chatmaild.operator.acme.account import Here
from chatmaild.operator.acme.keys import FILE_LIMIT, PrivateKey, kind, parse_key, public, to_pem
from chatmaild.operator.acme.orders import Orders, orders_of, registration
from chatmaild.operator.exchange.upstream import acmetool
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken, shown
from chatmaild.settings import Settings
from chatmaild.store.files import write_atomically

_SECRET_MODE: Final = 0o700
_OPEN_MODE: Final = 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A private key that is registered at a server; `name` is its directory in the tree."""

    name: str
    server: str
    key: PrivateKey


@dataclass(slots=True, kw_only=True)
class Found:
    """The accounts of a tree, and what an import does with them.

    Attributes:
        chosen: the one that comes.
        here: what this machine has, compared with it.
        answer: what the server said about it, None if it is not known.
    """

    accounts: list[Account] = field(default_factory=list)
    orders: Orders | None = None
    chosen: Account | None = None
    here: Here = Here.NONE
    answer: dict[str, Any] | None = None

    @property
    def url(self) -> str | None:
        """The URL of the account that comes."""
        return shown(str(self.answer["uri"])) if self.answer else None

    def lines(self) -> Iterator[str]:
        """What was found, as text."""
        head = "ACME        "
        for one in self.accounts:
            host = shown(urlsplit(one.server).netloc)
            yield f"{head}account at {host}, {kind(one.key)}: {self._fate(one)}"
            head = " " * len(head)
        if self.chosen is not None:
            yield " " * len(head) + (
                f"its URL is {self.url}: a CAA record with it stays valid"
                if self.url
                else "its server does not answer: the next order of a certificate asks again"
            )

    def _fate(self, one: Account) -> str:
        if self.orders is None:
            return "stays there, this machine orders no certificate"
        if one is not self.chosen:
            return "stays there"
        if self.here is Here.NONE:
            return "comes along"
        return "is here already" if self.here is Here.SAME else "replaces that of this machine"

    def document(self) -> list[dict[str, Any]]:
        """What was found, for programs."""
        becomes = {Here.NONE: "new", Here.SAME: "known", Here.OTHER: "replaces"}[self.here]
        return [
            {
                "server": one.server,
                "keyType": kind(one.key),
                "url": self.url if one is self.chosen else None,
                "becomes": becomes if one is self.chosen else "stays",
            }
            for one in self.accounts
        ]


def look(tree: Directory, settings: Settings, untaken: Untaken) -> Found:
    """Find the accounts of a tree; ask the server about the one that can come.

    Raises:
        OSError: the files of this machine's account cannot be read.
    """
    accounts = list(_read(tree, untaken))
    found = Found(accounts=accounts, orders=orders_of(settings))
    if found.orders is None:
        return found
    chosen = _choose(accounts, found.orders, untaken)
    if chosen is None:
        return found
    found.here = account.compare(found.orders, chosen.key)
    if found.here is Here.SAME:
        found.answer = registration(found.orders.account_file)
    try:
        if found.answer is None:
            found.answer = account.ask(found.orders, chosen.key, settings.domain)
        found.chosen = chosen
    except UntakenError as error:
        untaken.add(chosen.name, str(error))
    return found


def _choose(accounts: list[Account], orders: Orders, untaken: Untaken) -> Account | None:
    """The only account at the server of this machine."""
    wanted = acmetool.server_name(orders.server)
    fitting = [one for one in accounts if acmetool.server_name(one.server) == wanted]
    for one in accounts:
        if one not in fitting:
            untaken.add(one.name, f"an account of another server than {orders.server}")
        elif len(fitting) > 1:
            untaken.add(one.name, "one of several ACME accounts: keep the one in the CAA record")
    return fitting[0] if len(fitting) == 1 else None


def _read(tree: Directory, untaken: Untaken) -> Iterator[Account]:
    place = "/".join(acmetool.ACCOUNTS)
    with _reported(place, untaken), tree.directory(*acmetool.ACCOUNTS) as top:
        if top is None:
            return
        for server, keys in _below(top, place, untaken):
            for name, directory in _below(keys, f"{place}/{server}", untaken):
                path = f"{place}/{server}/{name}"
                with _reported(path, untaken):
                    yield _account(directory, path, server, name)


def _below(parent: Directory, place: str, untaken: Untaken) -> Iterator[tuple[str, Directory]]:
    """Yield the directories in a directory, each open until the next one."""
    for name in parent.names():
        with _reported(f"{place}/{name}", untaken), parent.directory(name) as directory:
            if directory is not None:
                yield name, directory


@contextlib.contextmanager
def _reported(name: str, untaken: Untaken) -> Iterator[None]:
    try:
        yield
    except UntakenError as error:
        untaken.add(name, str(error))


def _account(directory: Directory, path: str, server: str, name: str) -> Account:
    pem = directory.read(acmetool.KEY, FILE_LIMIT)
    if pem is None:
        raise UntakenError("an ACME account without a key")
    key = parse_key(pem)
    if acmetool.key_id(public(key)) != name:
        # acmetool does not use it either
        raise UntakenError("an ACME account with the key of another one")
    return Account(name=path, server=acmetool.server_of(server), key=key)


def install(found: Found, untaken: Untaken) -> dict[str, Any] | None:
    """Make the chosen account that of this machine; return what was done, for programs.

    Raises:
        ChatmaildError: what was stored cannot be read again.
        OSError: it cannot be written.
    """
    if found.orders is None or found.chosen is None:
        return None
    replaced = None
    if found.here is not Here.SAME or registration(found.orders.account_file) is None:
        try:
            replaced = account.install(found.orders, found.chosen.key, found.answer)
        except UntakenError as error:
            untaken.add(found.chosen.name, str(error))
            return None
    return {"url": found.url, "replaced": str(replaced) if replaced else None}


def export(settings: Settings, path: Path) -> str | None:
    """Write the account of this machine to a tree; return its server, None if there is none.

    Raises:
        OSError: it cannot be read or written.
    """
    orders = orders_of(settings)
    if orders is None or not orders.key_file.exists():
        return None
    key = parse_key(orders.key_file.read_bytes())
    target = path
    names = (acmetool.server_name(orders.server), acmetool.key_id(public(key)))
    for name in (*acmetool.ACCOUNTS, *names):
        target /= name
        # a copy to `/` of another machine sets these modes there
        is_secret = name in (acmetool.ACCOUNTS[-1], *names)
        target.mkdir(exist_ok=True)
        target.chmod(_SECRET_MODE if is_secret else _OPEN_MODE)
    write_atomically(target / acmetool.KEY, to_pem(key))
    return orders.server
