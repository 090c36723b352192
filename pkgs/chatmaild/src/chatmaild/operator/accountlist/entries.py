"""The addresses of a relay with their facts, filtered; fast for hundreds of thousands.

`Mailboxes.addresses` and its other methods take three times as long, because they parse each name
and look at each file in a separate call.
"""

import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import translate
from typing import Any, Final, NamedTuple

from chatmaild.address import MAX_ADDRESS_LENGTH
from chatmaild.errors import ChatmaildError
from chatmaild.settings import Settings
from chatmaild.store.mail import scan, sdbox
from chatmaild.store.mailboxes import DAY_S, DISABLED, ENFORCE_ENCRYPTION, PASSWORD, floor_to_day

# as `account_of` in store/mailboxes.py: lower case, one @, no slash, no +tag, not dots alone
_NAME: Final = re.compile(r"(?=[^@]*[^.@])[!-*,-.0-?\[-~]+@[!-.0-?\[-~]+")
# What Dovecot makes when it opens the INBOX of an account first, in both formats. A creation makes
# `mailboxes` or `cur`, versions before 0.4 made neither.
_INBOXES: Final = (f"{sdbox.ROOT}/INBOX", "new")
_AGE: Final = re.compile(r"([0-9]{1,5})d")


class Entry(NamedTuple):
    """An address; times are starts of days (UTC) in Unix seconds.

    Attributes:
        created_s: None if unknown: the file with this time was removed to allow clear text.
        is_used: whether it had a session or mail: Dovecot has opened its INBOX.
        size_bytes: of all messages; None if not measured.
    """

    address: str
    last_login_s: int
    disabled: bool
    created_s: int | None = None
    is_used: bool = True
    size_bytes: int | None = None

    def line(self) -> str:
        """Return address, day of the last login, `disabled`, size."""
        text = f"{self.address}  {day(self.last_login_s)}"
        if self.disabled:
            text += "  disabled"
        return text if self.size_bytes is None else f"{text}  {self.size_bytes / 1e6:.1f} MB"

    def as_json(self) -> dict[str, Any]:
        """Return the facts for programs."""
        document: dict[str, Any] = {
            "address": self.address,
            "created": None if self.created_s is None else day(self.created_s),
            "lastLogin": day(self.last_login_s),
            "disabled": self.disabled,
            "used": self.is_used,
        }
        return document if self.size_bytes is None else document | {"bytes": self.size_bytes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Conditions for addresses; None means any.

    Attributes:
        created_before_s: created before that day.
        created_after_s: created on that day or later.
        login_before_s: last login before that day.
        login_after_s: last login on that day or later.
        never_used: without a session and without mail.
        pattern: the whole address, with * and ?.
        larger_than_bytes: size of all messages.
    """

    created_before_s: int | None = None
    created_after_s: int | None = None
    login_before_s: int | None = None
    login_after_s: int | None = None
    never_used: bool = False
    disabled: bool | None = None
    pattern: str | None = None
    larger_than_bytes: int | None = None

    @property
    def _needs_more(self) -> bool:
        return (
            self.created_before_s is not None or self.created_after_s is not None or self.never_used
        )

    @property
    def _takes_every_login(self) -> bool:
        return (
            self.disabled is None
            and self.login_before_s is None
            and self.login_after_s is None
            and self.larger_than_bytes is None
        )

    def select(self, root: str, *, complete: bool) -> Iterator[Entry]:
        """Yield the addresses below a mail directory, sorted.

        Args:
            complete: also find out when an address was created, and whether it was used.
        """
        wanted = re.compile(translate(self.pattern.lower())).match if self.pattern else None
        more = complete or self._needs_more
        if not more and self._takes_every_login:
            names = _names(root)
            yield from _short(root, names if wanted is None else filter(wanted, names))
            return
        for name in _names(root):
            if wanted is None or wanted(name):
                entry = _entry(root, name, more=more)
                if entry is not None and self._takes(entry):
                    if self.larger_than_bytes is not None:
                        entry = _sized(root, entry)
                        if (entry.size_bytes or 0) <= self.larger_than_bytes:
                            continue
                    yield entry

    def _takes(self, entry: Entry) -> bool:
        if self.disabled is not None and entry.disabled != self.disabled:
            return False
        if self.never_used and entry.is_used:
            return False
        return _is_within(
            entry.last_login_s, self.login_after_s, self.login_before_s
        ) and _is_within(entry.created_s, self.created_after_s, self.created_before_s)


def _is_within(time_s: int | None, after_s: int | None, before_s: int | None) -> bool:
    if after_s is None and before_s is None:
        return True
    if time_s is None:
        return False
    return (after_s is None or time_s >= after_s) and (before_s is None or time_s < before_s)


def entries(settings: Settings, filters: Filters, *, complete: bool = False) -> Iterator[Entry]:
    """Yield the addresses that the filters take, sorted.

    Raises:
        OSError: the mail directory cannot be read.
    """
    return filters.select(settings.directories.mail, complete=complete)


def _names(root: str) -> list[str]:
    fits = _NAME.fullmatch
    names = os.listdir(root)  # noqa: PTH208 - only names are needed
    return sorted(name for name in names if fits(name) and len(name) <= MAX_ADDRESS_LENGTH)


def _short(root: str, names: Iterable[str]) -> Iterator[Entry]:
    """Yield the entries of these names without their filters: no check for each."""
    stat, access, exists = os.stat, os.access, os.F_OK
    for name in names:
        home = f"{root}/{name}/"
        try:
            modified_s = stat(home + PASSWORD).st_mtime
        except OSError:
            continue
        yield Entry(name, int(modified_s), access(home + DISABLED, exists))


def _entry(root: str, name: str, *, more: bool) -> Entry | None:
    """Return the facts of an address; None if there is none of this name, or it cannot be read."""
    home = f"{root}/{name}"
    modified_s = _modified_s(f"{home}/{PASSWORD}")
    if modified_s is None:
        return None
    # os.access: most have no such file, and an exception takes as long as the system call
    disabled = os.access(f"{home}/{DISABLED}", os.F_OK)
    if not more:
        return Entry(name, modified_s, disabled)
    created_s = _modified_s(f"{home}/{ENFORCE_ENCRYPTION}")
    return Entry(
        name,
        modified_s,
        disabled,
        None if created_s is None else floor_to_day(created_s),
        any(os.access(f"{home}/{folder}", os.F_OK) for folder in _INBOXES),
    )


def _modified_s(path: str) -> int | None:
    try:
        return int(os.stat(path).st_mtime)  # noqa: PTH116 - a third of the time of Path
    except OSError:
        return None


def _sized(root: str, entry: Entry) -> Entry:
    size = sum(message.size_bytes for message in scan(f"{root}/{entry.address}"))
    return entry._replace(size_bytes=size)


_days: dict[int, str] = {}


def day(time_s: int) -> str:
    """Return a day as YYYY-MM-DD; few days recur for all addresses."""
    if time_s not in _days:
        try:
            _days[time_s] = datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d")
        except (ValueError, OverflowError, OSError):
            _days[time_s] = "?"
    return _days[time_s]


def day_start_s(text: str) -> int:
    """Return the start of a day, given as 2026-11-29, or as 30d for thirty days ago.

    Raises:
        ChatmaildError: it is not a day.
    """
    if found := _AGE.fullmatch(text):
        return floor_to_day(time.time()) - int(found[1]) * DAY_S
    try:
        parsed = date.fromisoformat(text)
    except ValueError:
        raise ChatmaildError("a day is like 2026-11-29, or 30d for 30 days ago") from None
    return int(datetime(parsed.year, parsed.month, parsed.day, tzinfo=UTC).timestamp())
