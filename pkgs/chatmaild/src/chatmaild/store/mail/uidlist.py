"""Dovecot's list of UIDs of a maildir folder, `dovecot-uidlist` (version 3).

    3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1
    25006 G1276528000.M1P1.host :1276528487.M364837P9451.host,S=1355,W=1394:2,

V is UIDVALIDITY, N the next UID when the file was last written anew: Dovecot appends rows and
leaves the header. A row has the UID, fields of a letter and a value, and the file name. G is the
name that the message had before it was moved.
"""

import io
import re
from collections.abc import Container, Mapping, Set
from dataclasses import dataclass
from typing import Final

FILE: Final = "dovecot-uidlist"
LOCK: Final = "dovecot-uidlist.lock"
_LARGEST: Final = 0xFFFF_FFFF  # RFC 3501 section 2.3.1.1
_HEADER: Final = re.compile(rb"3 V(\d{1,10}) N(\d{1,10})((?: [A-Z][!-~]*)*)")
_ROW: Final = re.compile(rb"(\d{1,10})((?: [A-Z][!-~]*)*) :([!-~]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The UID of a message.

    Attributes:
        fields: the text between UID and name, empty or with a blank before it.
        base: the file name without its flags.
    """

    uid: int
    fields: str
    base: str

    @property
    def identity(self) -> str:
        """The first name of the message, which it keeps when it is moved."""
        for field in self.fields.split():
            if field.startswith("G"):
                return field[1:]
        return self.base


@dataclass(frozen=True, slots=True, kw_only=True)
class Uidlist:
    """A whole list; rows by file name."""

    validity: int
    next_uid: int
    fields: str
    rows: Mapping[str, Row]

    def text(self) -> bytes:
        """The file."""
        lines = [f"3 V{self.validity} N{self.next_uid}{self.fields}"]
        rows = sorted(self.rows.values(), key=lambda row: row.uid)
        lines += [f"{row.uid}{row.fields} :{row.base}" for row in rows]
        return "".join(f"{line}\n" for line in lines).encode("ascii")


def parse(content: bytes | None, wanted: Container[str] | None = None) -> Uidlist | None:
    """The list in a file; None if it has no valid header. Rows that are not valid are left out.

    Args:
        wanted: the messages whose rows are kept; None for all. A list may have millions of others.
    """
    lines = io.BytesIO(content or b"")
    header = _HEADER.fullmatch(lines.readline().rstrip(b"\n"))
    if header is None:
        return None
    validity, next_uid = int(header[1]), int(header[2])
    if not 0 < validity <= _LARGEST or not 0 < next_uid <= _LARGEST:
        return None
    rows: dict[str, Row] = {}
    last = 0
    for line in lines:
        if (found := _ROW.fullmatch(line.rstrip(b"\n"))) and last < int(found[1]) < _LARGEST:
            last = int(found[1])
            base = found[3].decode("ascii").partition(":")[0]
            if base and base not in rows and (wanted is None or base in wanted):
                rows[base] = Row(uid=last, fields=found[2].decode("ascii"), base=base)
    return Uidlist(
        validity=validity,
        next_uid=max(next_uid, last + 1),
        fields=header[3].decode("ascii"),
        rows=rows,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What becomes of the list of a folder here.

    Attributes:
        uidlist: the new list; None leaves the file as it is.
        renamed: names of messages here that need a new UID, and therefore a new name: clients
            have seen other messages with their UIDs at the other relay.
    """

    uidlist: Uidlist | None
    renamed: Set[str] = frozenset()


def merge(
    old: Uidlist | None,
    here: Uidlist | None,
    placed: Mapping[str, str],
    *,
    imported: Set[str] = frozenset(),
) -> Merged:
    """Give messages that come from another relay their old UIDs, where these are free.

    Clients remember the largest UID that they have seen, and fetch only larger ones: no message
    here may have a smaller one that they have not seen. Dovecot gives new UIDs to the rest.

    Args:
        old: the list of the other relay.
        here: the list of the folder, None if Dovecot has not made one.
        placed: names of the messages that come, by their names at the other relay.
        imported: names of messages that came before.
    """
    if old is None or (here is not None and here.validity != old.validity):
        return Merged(uidlist=None)
    known: dict[str, Row] = dict(here.rows) if here else {}
    first = here.next_uid if here else 1
    renamed = {
        base
        for base, row in known.items()
        if base not in imported and base not in old.rows and row.uid < old.next_uid
    }
    for row in old.rows.values():
        base = placed.get(row.base)
        if base is not None and row.uid >= first:
            known[base] = Row(uid=row.uid, fields=row.fields, base=base)
    for base in renamed:
        del known[base]
    merged = Uidlist(
        validity=old.validity,
        next_uid=max(first, old.next_uid),
        fields=here.fields if here else old.fields,
        rows=known,
    )
    return Merged(uidlist=merged, renamed=renamed)
