"""Write this relay as a tree of an upstream relay, for `cmdeploy` or for another relay of ours."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmaild.address import Address
from chatmaild.dkim.keys import key_path, load_key, public_record
from chatmaild.errors import ChatmaildError, UntakenError
from chatmaild.operator.exchange import acme, sdbox
from chatmaild.operator.exchange.filling import Filler
from chatmaild.operator.exchange.home import (
    put,
    write_marks,
    write_subscriptions,
    write_tokens,
)
from chatmaild.operator.exchange.importing import addresses
from chatmaild.operator.exchange.upstream import layout
from chatmaild.operator.exchange.upstream.mailbox import OldMailbox, read
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken
from chatmaild.settings import Settings
from chatmaild.store.files import sync_file_system, write_atomically
from chatmaild.store.mailboxes import (
    IMPORTED,
    PASSWORD,
    floor_to_day,
)

_DIRECTORY_MODE: Final = 0o700
_NO_MARK: Final = "disabled here, and upstream has no such mark: block it there"


@dataclass(slots=True)
class Result:
    """What was written."""

    addresses: int = 0
    messages: int = 0
    size_bytes: int = 0
    wrong: int = 0
    record: str | None = None
    acme_server: str | None = None


def prepare(path: Path) -> None:
    """Create the directory of the tree.

    Raises:
        ChatmaildError: there is something in it already, or it is of another user.
        OSError: it cannot be created.
    """
    path.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
    if next(path.iterdir(), None) is not None:
        raise ChatmaildError(f"{path} is not empty: name a new directory")
    if path.stat().st_uid != os.getuid():
        raise ChatmaildError(f"{path} belongs to another user: name a new directory")
    path.chmod(_DIRECTORY_MODE)


def export_all(
    settings: Settings, path: Path, untaken: Untaken, result: Result, *, now_s: float
) -> Iterator[None]:
    """Write all mailboxes, then key and settings; yield after each mailbox.

    Raises:
        OSError: the disk is full or fails.
    """
    target = path.joinpath(*layout.MAIL, layout.mail_directory(settings.mail_domain))
    target.mkdir(mode=_DIRECTORY_MODE, parents=True)
    with Directory.at(Path(settings.directories.mail)) as mail:
        for address in addresses(mail, settings.mail_domain, untaken):
            with sdbox.maildir(settings, address, untaken) as copy:
                _export(mail, copy, address, target, settings, untaken, result, now_s)
            yield
    _write_key(settings, path, result)
    result.acme_server = acme.export(settings, path)
    ini = path.joinpath(*layout.INI, layout.INI_FILE)
    ini.parent.mkdir(mode=_DIRECTORY_MODE, parents=True)
    write_atomically(ini, layout.ini_text(settings).encode())
    sync_file_system(path)


def _export(
    mail: Directory,
    copy: Directory | None,
    address: Address,
    target: Path,
    settings: Settings,
    untaken: Untaken,
    result: Result,
    now_s: float,
) -> None:
    try:
        with mail.directory(str(address)) as source:
            old = read(source, address, untaken, mail=copy) if source else None
            if source is None or old is None:
                untaken.add(str(address), "no account any more")
                return
            home = target / str(address)
            home.mkdir(mode=_DIRECTORY_MODE)
            filler = Filler(copy or source, old, home, settings, untaken, now_s=now_s, in_use=False)
            filler.fill()
    except UntakenError as error:
        untaken.add(str(address), str(error))
        return
    if old.disabled:
        untaken.add(str(address), _NO_MARK)
    _write_account(home, old, now_s)
    (home / IMPORTED).unlink(missing_ok=True)
    result.addresses += 1
    result.messages += filler.result.messages
    result.size_bytes += filler.result.size_bytes
    result.wrong += filler.wrong()


def _write_account(home: Path, old: OldMailbox, now_s: float) -> None:
    write_subscriptions(home, old.subscriptions, durable=False)
    write_tokens(home, old.tokens, durable=False)
    write_marks(home, old, now_s=now_s)
    # upstream's Dovecot takes the whole file for the hash
    put(
        home / PASSWORD,
        layout.hash_there(old.encoded).encode("ascii"),
        durable=False,
        modified_s=floor_to_day(old.last_login_s),
    )


def _write_key(settings: Settings, path: Path, result: Result) -> None:
    """Write the key that signs under upstream's only selector."""
    if not settings.dkim.enable:
        return
    directory = path.joinpath(*layout.DKIM)
    directory.mkdir(mode=_DIRECTORY_MODE, parents=True)
    source = key_path(settings, settings.dkim.selector)
    write_atomically(directory / f"{layout.SELECTOR}.private", source.read_bytes())
    domain = settings.mail_domain
    write_atomically(directory / layout.KEY_TABLE, layout.key_table(domain).encode())
    write_atomically(directory / layout.SIGNING_TABLE, layout.signing_table(domain).encode())
    if settings.dkim.selector != layout.SELECTOR:
        result.record = public_record(load_key(source))
