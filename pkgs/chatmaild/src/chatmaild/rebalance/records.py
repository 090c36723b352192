"""Files and directories of an account in the body of a request, one after the other.

Each begins with a line of JSON; the bytes of a file, or of a piece of it, follow.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from chatmaild.errors import ProtocolError
from chatmaild.wire.http1 import MAX_BODY_BYTES

Kind = Literal["directory", "file", "gone"]
_KINDS: Final = frozenset(("directory", "file", "gone"))
# with the line before it, and others in the same body
PIECE_BYTES: Final = 48 * 1024
_MAX_PATH: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A file or a piece of it, a directory, or a path that is not there any more.

    Attributes:
        path: relative to the directory of the account.
        offset: where the piece begins in a file of `size` bytes.
    """

    path: str
    kind: Kind
    mode: int = 0
    size: int = 0
    mtime_ns: int = 0
    offset: int = 0
    data: bytes = b""

    @property
    def is_last(self) -> bool:
        """Whether the file ends with this piece."""
        return self.offset + len(self.data) == self.size

    def encode(self) -> bytes:
        """Return its bytes."""
        head = asdict(self) | {"data": len(self.data)}
        return json.dumps(head).encode() + b"\n" + self.data


def bodies(records: Iterable[Record]) -> Iterator[bytes]:
    """Yield bodies of requests, as few as possible."""
    body = b""
    for record in records:
        encoded = record.encode()
        if body and len(body) + len(encoded) > MAX_BODY_BYTES:
            yield body
            body = b""
        body += encoded
    if body:
        yield body


def decode(body: bytes) -> list[Record]:
    """Return the records of a body.

    Raises:
        ProtocolError: it is none.
    """
    found, at = [], 0
    while at < len(body):
        end = body.find(b"\n", at)
        try:
            head = json.loads(body[at:end])
            length = int(head["data"])
            at = end + 1 + length
            data = body[end + 1 : at]
            record = Record(**head | {"data": data})
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ProtocolError("no record of a file") from error
        if end < 0 or length < 0 or len(data) != length or not _is_good(record):
            raise ProtocolError("no record of a file")
        found.append(record)
    return found


def _is_good(record: Record) -> bool:
    numbers: tuple[Any, ...] = (record.mode, record.size, record.mtime_ns, record.offset)
    return (
        isinstance(record.path, str)
        and len(record.path) <= _MAX_PATH
        and "\0" not in record.path
        and not {"", ".", ".."} & set(record.path.split("/"))
        and record.kind in _KINDS
        and all(type(number) is int and number >= 0 for number in numbers)
        and record.offset + len(record.data) <= record.size
    )
