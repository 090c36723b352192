"""The socketmap server over a real socket: answers, broken requests, our own faults."""

import asyncio
import contextlib
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmaild.accounts.recipients import Maps
from chatmaild.address import Address, parse_address
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.wire import serve, socketmap
from chatmaild.wire.socketmap import netstring, read_netstring

from ..waiting import DEADLINE_S

LMTP = "OK lmtp:unix:private/dovecot-lmtp"
UNKNOWN = "OK error:5.1.1 Recipient address rejected: User unknown"


@pytest.fixture
def maps(settings: Settings, mailboxes: Mailboxes) -> Maps:
    """The maps of a relay with the one address alice1234."""
    mailboxes.create(parse_address("alice1234@chat.example.org"), "hash", now_s=0)
    return Maps.of(settings, mailboxes.exists)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("recipients alice1234@chat.example.org", "OK x"),
        ("recipients ALICE1234+tag@Chat.Example.Org", "OK x"),
        ("recipients bob@chat.example.org", "NOTFOUND "),
        ("recipients alice1234@elsewhere.example.org", "NOTFOUND "),
        ("recipients @chat.example.org", "NOTFOUND "),
        ("recipients chat.example.org", "NOTFOUND "),
        ("recipients a/b@chat.example.org", "NOTFOUND "),
        ("recipients ", "NOTFOUND "),
        ("transport alice1234@chat.example.org", LMTP),
        ("transport alice1234+x@chat.example.org", LMTP),
        ('transport "alice1234+x."@chat.example.org', LMTP),
        ('transport "alic\\e1234"@chat.example.org', LMTP),
        ('transport "a/b"@chat.example.org', UNKNOWN),
        ('transport "bob"@chat.example.org', UNKNOWN),
        ('transport "@chat.example.org', UNKNOWN),
        ("transport alice1234@elsewhere.example.org", "NOTFOUND "),
        ("transport chat.example.org", "NOTFOUND "),
        ("transport *", "NOTFOUND "),
        ("other x", "PERM no such map"),
        ("", "PERM no such map"),
    ],
)
def test_answers(maps: Maps, request_: str, answer: str) -> None:
    """For each kind of key."""
    assert asyncio.run(socketmap.reply(maps.look_up, request_.encode())).decode() == answer


@pytest.mark.parametrize(
    "key", ["bob@chat.example.org", "a b@chat.example.org", "a/b@chat.example.org"]
)
def test_an_unknown_local_address_goes_back_to_its_sender(maps: Maps, key: str) -> None:
    """With the enhanced status code of RFC 3463 section 3.2."""
    assert maps.look_up("transport", key).startswith("OK error:5.1.1 ")


def test_a_domain_literal_is_a_domain() -> None:
    """Relays without a name."""
    alice = parse_address("alice@[192.0.2.1]")
    maps = Maps(domain="[192.0.2.1]", lmtp="lmtp:x", exists=lambda address: address == alice)

    assert maps.look_up("recipients", "Alice@[192.0.2.1]") == "OK x"


def test_a_fault_of_ours_makes_mail_wait(maps: Maps) -> None:
    """TEMP, for any exception."""

    def broken(_: Address) -> bool:
        raise PermissionError("no")

    faulty = Maps(domain=maps.domain, lmtp=maps.lmtp, exists=broken)

    answer = asyncio.run(socketmap.reply(faulty.look_up, b"recipients a@chat.example.org"))
    assert answer.startswith(b"TEMP ")


async def _exchange(maps: Maps, path: pathlib.Path, data: bytes) -> bytes:
    async with serve.streams(serve.listen_unix(path), socketmap.connection(maps.look_up)):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(data)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), DEADLINE_S)
        writer.close()
        return answer


def test_requests_on_one_connection(maps: Maps, tmp_path: pathlib.Path) -> None:
    """Postfix keeps its connection."""
    questions = netstring(b"recipients bob@chat.example.org") + netstring(
        b"recipients alice1234@chat.example.org"
    )

    assert asyncio.run(_exchange(maps, tmp_path / "s", questions)) == b"9:NOTFOUND ,4:OK x,"


@pytest.mark.parametrize(
    "data", [b"x", b"5:abc", b"5:abcdef", b"99999:", b"4097:", b":", b"001:a,", b"\xff" * 100000]
)
def test_a_bad_netstring_closes_the_connection(
    maps: Maps, tmp_path: pathlib.Path, data: bytes
) -> None:
    """Without an answer."""
    with contextlib.suppress(ConnectionResetError):
        assert asyncio.run(_exchange(maps, tmp_path / "s", data)) == b""


@given(st.lists(st.binary(max_size=100)))
def test_netstrings_are_read_as_they_were_written(contents: list[bytes]) -> None:
    """Writing and reading are inverse."""

    async def read_all() -> list[bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(b"".join(map(netstring, contents)))
        reader.feed_eof()
        found = []
        while (content := await read_netstring(reader)) is not None:
            found.append(content)
        return found

    assert asyncio.run(read_all()) == contents
