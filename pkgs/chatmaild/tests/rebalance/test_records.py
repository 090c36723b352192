"""Files in the bodies of requests: what is sent is read, and nothing leads out of an account."""

import pytest

from chatmaild.errors import ProtocolError
from chatmaild.rebalance.records import PIECE_BYTES, Record, bodies, decode
from chatmaild.wire.http1 import MAX_BODY_BYTES

FILES = [
    Record(path="mailboxes", kind="directory", mode=0o700),
    Record(path="mailboxes/u.1", kind="file", mode=0o600, size=7, mtime_ns=5, data=b"a\n{}\nb\0"),
    Record(path="odd \udcff name", kind="gone"),
    Record(
        path="x", kind="file", size=3 * PIECE_BYTES, offset=PIECE_BYTES, data=b"x" * PIECE_BYTES
    ),
    Record(path="y", kind="file", size=PIECE_BYTES, data=b"y" * PIECE_BYTES),
]


def test_what_is_sent_is_read() -> None:
    """In few requests, each of which is small enough."""
    sent = list(bodies(FILES))

    assert [record for body in sent for record in decode(body)] == FILES
    assert len(sent) == 2
    assert all(len(body) <= MAX_BODY_BYTES for body in sent)
    assert [record.is_last for record in FILES if record.kind == "file"] == [True, False, True]


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "..", "a/../b", "a//b", "./a", "a/", "a\0b", "x" * 5000]
)
def test_a_path_stays_in_its_account(path: str) -> None:
    """Whatever another store sends."""
    with pytest.raises(ProtocolError):
        decode(Record(path=path, kind="file").encode())


@pytest.mark.parametrize(
    "body",
    [
        b"x",
        b"{}\n",
        b"[]\n",
        b'{"path": "a", "kind": "link", "data": 0}\n',
        b'{"path": "a", "kind": "file", "data": 5}\nabc',
        b'{"path": "a", "kind": "file", "data": -1}\n',
        b'{"path": "a", "kind": "file", "data": 3, "size": 2}\nabc',
        b'{"path": "a", "kind": "file", "data": 0, "mode": -1}\n',
        b'{"path": "a", "kind": "file", "data": 0, "mode": "rw"}\n',
        b'{"path": 1, "kind": "file", "data": 0}\n',
        b'{"path": "a", "kind": "file", "data": 0, "owner": "root"}\n',
    ],
)
def test_other_bodies_are_refused(body: bytes) -> None:
    """Parts of records, and records that no store sends."""
    with pytest.raises(ProtocolError):
        decode(body)
