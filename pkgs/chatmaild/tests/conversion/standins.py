"""Stand-ins of Dovecot for conversions, and two accounts of an older version."""

import fcntl
import os
import pathlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from chatmaild.address import Address, parse_address
from chatmaild.conversion import lease, places
from chatmaild.conversion.accounts import Converter, Result
from chatmaild.errors import BusyError, ConversionError
from chatmaild.store.mail.formats import Format, format_of
from chatmaild.store.mailboxes import Mailboxes

ALICE = parse_address("alice1234@chat.example.org")
BOB = parse_address("bob123456@chat.example.org")
TEXT = "Subject: hello\n\nhello\n"


def put(home: pathlib.Path, uid: int, *, flags: str = "") -> None:
    """Deliver a message into a maildir, with its UID."""
    base = f"{1700000000 + uid}.M{uid}P1.host,S={len(TEXT)}"
    for part in ("cur", "new", "tmp"):
        (home / part).mkdir(exist_ok=True)
    (home / "cur" / f"{base}:2,{flags}").write_text(TEXT)
    listed = home / "dovecot-uidlist"
    if not listed.exists():
        listed.write_text("3 V1700000000 N1\n")
    with listed.open("a") as file:
        file.write(f"{uid} :{base}\n")


def copied(maildir: pathlib.Path, copy: pathlib.Path) -> None:
    """What Dovecot's tool writes."""
    place = copy / "mailboxes" / "INBOX" / "dbox-Mails"
    place.mkdir(parents=True, exist_ok=True)
    for row in (maildir / "dovecot-uidlist").read_text().splitlines()[1:]:
        uid = row.partition(" ")[0]
        head = f"2 M1e C6b0bfbee\n\x01\x02N          {len(TEXT):016X}\n"
        (place / f"u.{uid}").write_text(head + TEXT + "\n\x01\x03\nR1\n")


@dataclass
class Copies:
    """Stand-in of `doveadm backup`, to sdbox.

    Attributes:
        meanwhile: called after each copy of mailboxes in use, with its number.
        broken: accounts for which it fails.
        rests: copies of mailboxes that nobody else has open.
        breaks: how many of these fail.
    """

    mailboxes: Mailboxes
    meanwhile: Callable[[int], None] = lambda number: None
    broken: set[Address] = field(default_factory=set)
    copies: list[Sequence[str]] = field(default_factory=list)
    rests: int = 0
    is_slow: bool = False
    breaks: int = 0

    def copy(self, accounts: Sequence[str], wanted: Format) -> None:
        """Copy; then something changes."""
        assert wanted is Format.SDBOX
        self.copies.append(accounts)
        if any(str(one.account) in accounts for one in self.broken):
            raise ConversionError("the tool is broken")
        for account in accounts:
            home = self.mailboxes.directory / account
            copied(home, home / places.CONVERTING)
        self.meanwhile(len(self.copies))

    def copy_rest(self, account: str, wanted: Format, *, within_s: float) -> None:
        """Copy what came meanwhile, of a mailbox in use or not."""
        if within_s > lease.LONGEST_S:
            self.copy([account], wanted)
            return
        assert within_s > 0
        self.rests += 1
        if self.breaks:
            self.breaks -= 1
            raise ConversionError("Rebuilding index")
        if self.is_slow:
            raise BusyError("too much")
        home = self.mailboxes.directory / account
        copied(home, home / places.CONVERTING)


@dataclass
class Sessions:
    """Notes whose sessions end."""

    mailboxes: Mailboxes
    ended: list[Address] = field(default_factory=list)

    def end_of(self, address: Address) -> None:
        """Note it; new sessions must wait, and the old mailbox be in its place."""
        home = self.mailboxes.path(address)
        gate = os.open(home / places.CONVERTING, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(gate, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.close(gate)
        assert format_of(home) is Format.MAILDIR
        self.ended.append(address)


def uids(home: pathlib.Path) -> list[str]:
    """The message files of an sdbox."""
    return sorted(path.name for path in (home / "mailboxes/INBOX/dbox-Mails").iterdir())


def convert(boxes: Mailboxes, copies: Copies, *addresses: Address) -> Result:
    """Convert accounts, by default both."""
    converter = Converter(boxes, Format.SDBOX, copies, Sessions(boxes))
    converter.convert(addresses or [ALICE, BOB])
    return converter.result
