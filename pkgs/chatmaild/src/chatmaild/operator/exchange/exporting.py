"""Write this relay as a tree of an upstream relay, for `cmdeploy` or for another relay of ours."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmaild.address import Address
from chatmaild.dkim.keys import key_path, load_key, public_record
from chatmaild.errors import BusyError, ChatmaildError, UntakenError
from chatmaild.operator.exchange import acme
from chatmaild.operator.exchange.filling import Filler
from chatmaild.operator.exchange.home import (
    put,
    write_marks,
    write_subscriptions,
    write_tokens,
)
from chatmaild.operator.exchange.importing import addresses
from chatmaild.operator.exchange.sdbox.leaving import Leaver
from chatmaild.operator.exchange.source import Source
from chatmaild.operator.exchange.upstream import layout
from chatmaild.operator.exchange.upstream.mailbox import OldMailbox, read
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken
from chatmaild.settings import Settings
from chatmaild.store.files import sync_file_system, write_atomically
from chatmaild.store.mail.doveadm import Doveadm
from chatmaild.store.mail.formats import Format, format_of
from chatmaild.store.mailboxes import IMPORTED, PASSWORD, Mailboxes, floor_to_day

_DIRECTORY_MODE: Final = 0o700
# how often a mailbox is written anew because its format changed meanwhile
_ATTEMPTS: Final = 3
_CHANGING: Final = "its mailbox is being converted: export again"
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
    with (
        Directory.at(Path(settings.directories.mail)) as mail,
        Doveadm(settings.sockets.doveadm) as dovecot,
    ):
        exporter = _Exporter(settings, mail, target, untaken, result, dovecot, now_s=now_s)
        for address in addresses(mail, settings.mail_domain, untaken):
            exporter.export(address)
            yield
    _write_key(settings, path, result)
    result.acme_server = acme.export(settings, path)
    ini = path.joinpath(*layout.INI, layout.INI_FILE)
    ini.parent.mkdir(mode=_DIRECTORY_MODE, parents=True)
    write_atomically(ini, layout.ini_text(settings).encode())
    sync_file_system(path)


class _Exporter:
    """Writes the mailboxes of this relay into the directory of the tree."""

    def __init__(
        self,
        settings: Settings,
        mail: Directory,
        target: Path,
        untaken: Untaken,
        result: Result,
        dovecot: Doveadm,
        *,
        now_s: float,
    ) -> None:
        self._settings = settings
        self._mailboxes = Mailboxes.of(settings)
        self._mail = mail
        self._target = target
        self._untaken = untaken
        self._result = result
        self._dovecot = dovecot
        self._now_s = now_s

    def export(self, address: Address) -> None:
        """Write a mailbox, or count why it is not written."""
        home = self._target / str(address)
        try:
            written = self._written(address, home)
        except (UntakenError, BusyError) as error:
            shutil.rmtree(home, ignore_errors=True)
            self._untaken.add(str(address), str(error))
            return
        if written is None:
            self._untaken.add(str(address), "no account any more")
            return
        old, filler = written
        if old.disabled:
            self._untaken.add(str(address), _NO_MARK)
        _write_account(home, old, self._now_s)
        (home / IMPORTED).unlink(missing_ok=True)
        self._result.addresses += 1
        self._result.messages += filler.result.messages
        self._result.size_bytes += filler.result.size_bytes
        self._result.wrong += filler.wrong()

    def _written(self, address: Address, home: Path) -> tuple[OldMailbox, Filler | Leaver] | None:
        """Write the messages; again if the mailbox has changed its format meanwhile."""
        mine = self._mailboxes.path(address)
        for _ in range(_ATTEMPTS):
            found = format_of(mine)
            try:
                written = self._write(address, home, found)
            except (ChatmaildError, OSError):
                if format_of(mine) is found:
                    raise
            else:
                if format_of(mine) is found:
                    return written
            shutil.rmtree(home, ignore_errors=True)
        raise BusyError(_CHANGING)

    def _write(
        self, address: Address, home: Path, found: Format | None
    ) -> tuple[OldMailbox, Filler | Leaver] | None:
        with self._mail.directory(str(address)) as source:
            old = read(source, address, self._untaken) if source else None
            if source is None or old is None:
                return None
            home.mkdir(mode=_DIRECTORY_MODE)
            facts = (self._settings, self._untaken)
            filler: Filler | Leaver
            if found is Format.SDBOX:
                filler = Leaver(
                    source, str(address), home, *facts, self._dovecot, now_s=self._now_s
                )
            else:
                mailbox = Source(source, old, *facts, imported=frozenset(), now_s=self._now_s)
                filler = Filler(mailbox, home, in_use=False)
            filler.fill()
        return old, filler


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
