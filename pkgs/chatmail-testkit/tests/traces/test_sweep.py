"""The search of files: all forms are found, with place and context."""

from __future__ import annotations

import base64
import gzip
import os
from pathlib import Path

import pytest

from chatmail_testkit.traces import patterns
from chatmail_testkit.traces.ledger import Secret
from chatmail_testkit.traces.sweep import Documents, Search, add_file

NAME, TOKEN, OTHER = "qz8f3k2m1", "openpgp:qzToken_of-a-Device", "Somebody else's 1"
SECRETS = [
    Secret("address", NAME),
    Secret("device token", TOKEN),
    Secret("password", OTHER),
    Secret("IP address", "192.0.2.2"),
]


@pytest.fixture
def documents(tmp_path: Path) -> Documents:
    """Nothing yet."""
    (tmp_path / "documents").mkdir()
    return Documents(str(tmp_path / "documents"))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (f"x-{NAME}-y".encode(), ("address", NAME)),
        (f"qz_{NAME}@A.TEST".upper().encode(), ("address", NAME)),
        (b"\x00\xff" + NAME.encode() + b"\x00", ("address", NAME)),
        (base64.b64encode(f"\0{NAME}@a.test\0x".encode()), ("address", NAME)),
        (base64.b64encode(f"{OTHER} and more".encode()), ("password", OTHER)),
        (TOKEN.encode(), ("device token", TOKEN)),
        (OTHER.encode(), ("password", OTHER)),
        (b"client=unknown[192.0.2.2]", ("IP address", "192.0.2.2")),
        (b"\x02\x00\x01\xbb\xc0\x00\x02\x02", ("IP address", "192.0.2.2")),
        (b"qz8f3k2m and 192.0.2.20", None),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_forms(
    packed: bool,
    content: bytes,
    found: tuple[str, str] | None,
    documents: Documents,
    tmp_path: Path,
) -> None:
    """Text, binary, base64, packed."""
    file = tmp_path / "file"
    file.write_bytes(gzip.compress(content) if packed else content)
    add_file(file, file.stat(), documents)

    finds = _found(documents)

    assert set(finds) == ({(str(file), *found)} if found else set())


def test_a_file_with_holes(documents: Documents, tmp_path: Path) -> None:
    """Its data alone is read."""
    file = tmp_path / "file"
    with file.open("wb") as content:
        content.seek(1 << 26)
        content.write(NAME.encode())
    add_file(file, file.stat(), documents)

    assert set(_found(documents)) == {(str(file), "address", NAME)}
    assert documents.size < 1 << 20


def test_names_and_context(documents: Documents) -> None:
    """A name is found with its path, a line with what stands around."""
    documents.add_names([("/a/b", b"b"), (f"/c/{NAME}", NAME.encode()), ("/d", b"d")])
    documents.add("journal", f"MESSAGE=created {NAME}\n".encode())

    finds = _found(documents)

    assert set(finds) == {
        (f"name /c/{NAME}", "address", NAME),
        ("journal", "address", NAME),
    }
    assert finds["journal", "address", NAME] == f"MESSAGE=created {NAME}\\n"


def test_secrets_are_in_no_argument(documents: Documents) -> None:
    """The search itself leaves nothing where it looks."""
    documents.add("process", Path("/proc/self/cmdline").read_bytes())

    assert _found(documents) == {}
    assert os.listdir(documents.directory) == ["0"]  # noqa: PTH208


def _found(documents: Documents) -> dict[tuple[str, str, str], str]:
    search = Search(patterns.request(SECRETS), documents)
    search.run()
    return search.finds
