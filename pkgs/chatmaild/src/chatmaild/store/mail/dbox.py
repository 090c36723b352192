"""A message file of an sdbox: the message, and what Dovecot keeps about it.

    2 M1e C5c1f0d2a         version, size of the header that follows, time of the file
    \\1\\2N .......... SIZE   header with the size of the message in hexadecimal digits
    the message             lines end as they were stored
    \\1\\3                    metadata: a letter and a value per line, an empty line at the end
    R5c1f0d2a               time of arrival (INTERNALDATE)
    V1f0                    size with CR LF
    G1276528487.M1P1.host   identity, which stays when the message is moved or copied

An identity is the name of the message in the maildir from which it came, or has 32 hexadecimal
digits. Source: Dovecot 2.4, src/lib-storage/index/dbox-common/dbox-file.h.
"""

import os
import re
from dataclasses import dataclass
from typing import Final

_HEAD_BYTES: Final = 256
_HEAD: Final = re.compile(
    rb"2 M[0-9A-Fa-f]+ C[0-9A-Fa-f]+\n\x01\x02N .{8} ([0-9A-Fa-f]{16})\n", re.DOTALL
)
_METADATA_BYTES: Final = 1 << 12
_METADATA_START: Final = b"\n\x01\x03\n"
_TIME: Final = b"R"
_VIRTUAL_SIZE: Final = b"V"
_IDENTITY: Final = b"G"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a message file has, besides the message.

    Attributes:
        offset: where the message begins.
        size_bytes: size of the message in the file.
        virtual_bytes: its size with CR LF.
        received_s: INTERNALDATE in Unix seconds.
    """

    identity: str
    offset: int
    size_bytes: int
    virtual_bytes: int
    received_s: int


def read(descriptor: int) -> Stored:
    """What an open message file has.

    Raises:
        ValueError: it is damaged.
        OSError: it cannot be read.
    """
    head = _HEAD.match(os.pread(descriptor, _HEAD_BYTES, 0))
    if head is None:
        raise ValueError("no message file of Dovecot")
    size_bytes = int(head[1], 16)
    end = os.pread(descriptor, _METADATA_BYTES, head.end() + size_bytes)
    if not end.startswith(_METADATA_START) or b"\n\n" not in end:
        raise ValueError("a message file without its end")
    lines = end[len(_METADATA_START) :].partition(b"\n\n")[0].split(b"\n")
    fields = {line[:1]: line[1:].decode("ascii") for line in lines}
    if missing := {_TIME, _VIRTUAL_SIZE, _IDENTITY} - fields.keys():
        raise ValueError(f"a message file without {min(missing)!r}")
    return Stored(
        identity=fields[_IDENTITY],
        offset=head.end(),
        size_bytes=size_bytes,
        virtual_bytes=int(fields[_VIRTUAL_SIZE], 16),
        received_s=int(fields[_TIME], 16),
    )


def read_file(path: str) -> Stored:
    """What a message file has.

    Raises:
        ValueError, OSError: see `read`; it does not exist.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return read(descriptor)
    finally:
        os.close(descriptor)
