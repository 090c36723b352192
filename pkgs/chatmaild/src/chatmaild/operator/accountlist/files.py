"""Lists of addresses as files: export with password hashes, import of exports and plain lists."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chatmaild.accounts.credentials import random_password
from chatmaild.address import Address, address_or_none, limit_problem
from chatmaild.errors import ChatmaildError
from chatmaild.operator.accountlist.entries import Filters, day, day_start_s, entries
from chatmaild.operator.cluster.place import is_nowhere_else
from chatmaild.operator.privileges import acting_as, audit
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.passwords import hash_password

# crypt(5) hashes, and the empty one of a blocked address
_MAX_HASH: Final = 512


@dataclass(slots=True)
class Result:
    """The result of an import."""

    done: int = 0
    existing: int = 0
    elsewhere: int = 0
    problems: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """Return one line of text."""
        text = f"imported {self.done} addresses; {self.existing} existed and stayed as they were"
        if self.elsewhere:
            text += f"; {self.elsewhere} may have their place on another store: import there, too"
        if self.problems:
            text += f"; {len(self.problems)} lines failed, the first: {self.problems[0]}"
        return text


def export(settings: Settings, file: Path, filters: Filters) -> int:
    """Write the addresses with their password hashes, one JSON object per line; return the number.

    Raises:
        ChatmaildError: the file exists already.
        OSError: the file cannot be written.
    """
    mailboxes = Mailboxes.of(settings)
    lines = []
    # as the user that may write there: root would follow symbolic links of that user
    with acting_as(settings.users.mail):
        for entry in entries(settings, filters, complete=True):
            address = address_or_none(entry.address)
            encoded = mailboxes.password_hash(address) if address else None
            if encoded is not None:
                lines.append(json.dumps(entry.as_json() | {"passwordHash": encoded}))
    _write_new(file, "".join(f"{line}\n" for line in lines))
    audit("%d addresses exported", len(lines))
    return len(lines)


def _write_new(file: Path, text: str) -> None:
    """Write a file that does not exist yet, so that no file and no device is replaced."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ChatmaildError(f"{file} exists: name a new file") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(descriptor)


def import_list(settings: Settings, file: Path, result: Result) -> Iterator[str]:
    """Create the addresses of a list; yield `ADDRESS  PASSWORD` for each new password.

    A line is a JSON object of `export`, or an address, optionally with a password after it.

    Raises:
        ChatmaildError: the file is not text.
        OSError: it cannot be read, or the disk is full; addresses created before that stay.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ChatmaildError(f"{file}: not text in UTF-8") from error
    with acting_as(settings.users.mail):
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                made = _import_line(settings, line, result)
            except ChatmaildError as error:
                result.problems.append(f"line {number}: {error}")
                continue
            if made:
                yield made
    audit("%d addresses imported", result.done)


def _import_line(settings: Settings, line: str, result: Result) -> str | None:
    if line.startswith("{"):
        _import_document(settings, line, result)
        return None
    text, _, given = line.strip().partition(" ")
    address = _own(settings, text if "@" in text else f"{text}@{settings.mail_domain}")
    password = given.strip() or random_password(settings.accounts)
    if problem := limit_problem(address.local, password, settings.accounts):
        raise ChatmaildError(f"not allowed for new addresses: {problem}")
    if not is_nowhere_else(settings, str(address)):
        result.elsewhere += 1
        return None
    mailboxes = Mailboxes.of(settings)
    # the hash takes a while
    is_new = not mailboxes.exists(address) and mailboxes.create(
        address, hash_password(password.encode()), now_s=time.time()
    )
    if not is_new:
        result.existing += 1
        return None
    result.done += 1
    return None if given.strip() else f"{address}  {password}"


def _import_document(settings: Settings, line: str, result: Result) -> None:
    try:
        document: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ChatmaildError("not JSON") from error
    text, encoded = document.get("address"), document.get("passwordHash")
    if not isinstance(text, str) or not isinstance(encoded, str) or not _is_hash(encoded):
        raise ChatmaildError("no address or no passwordHash")
    address = _own(settings, text)
    try:
        login_s = day_start_s(str(document.get("lastLogin", day(int(time.time())))))
    except ChatmaildError:
        login_s = int(time.time())
    if not is_nowhere_else(settings, str(address)):
        result.elsewhere += 1
        return
    mailboxes = Mailboxes.of(settings)
    if not mailboxes.create(address, encoded, now_s=min(login_s, time.time())):
        result.existing += 1
        return
    if document.get("disabled") is True:
        mailboxes.set_disabled(address, disabled=True)
    result.done += 1


def _is_hash(text: str) -> bool:
    return len(text) <= _MAX_HASH and text.isascii() and text.isprintable()


def _own(settings: Settings, text: str) -> Address:
    address = address_or_none(text)
    if address is None or address.domain != settings.mail_domain or address.account != address:
        raise ChatmaildError(f"not an address of @{settings.mail_domain}")
    return address
