"""The dict protocol over a real socket: every key, transactions, escapes, broken lines."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import pathlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmaild.accounts.metadata import server
from chatmaild.accounts.metadata.keys import Keys, turn_credentials
from chatmaild.address import parse_address
from chatmaild.errors import AddressError, ProtocolError
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import DAY_S, Mailboxes
from chatmaild.store.tokens import Tokens
from chatmaild.wire import serve
from chatmaild.wire.dovecot_dict import escape, parse_line, unescape

from ...waiting import DEADLINE_S

ALICE = parse_address("alice1234@chat.example.org")
TOKEN = "priv/0123456789abcdef0123456789abcdef/devicetoken"
SHARED = "shared/0123456789abcdef/vendor/vendor.dovecot/pvt/server/vendor/deltachat/"
HELLO = "H4\t0\t0\t\tmetadata\n"
NOW_S = 20000 * DAY_S + 1234.0


@pytest.fixture
def tokens(mailboxes: Mailboxes) -> Tokens:
    """The tokens of a relay with the one address alice1234."""
    mailboxes.create(ALICE, "hash", now_s=NOW_S)
    return Tokens(mailboxes, 90)


def ask(settings: Settings, tokens: Tokens, text: str) -> str:
    """Return the answers to these lines on one connection."""

    async def exchange() -> bytes:
        handler = server.connection(Keys(settings, tokens))
        listener = serve.listen_unix(settings.sockets.metadata)
        async with serve.streams(listener, handler, limit_bytes=65536):
            reader, writer = await asyncio.open_unix_connection(settings.sockets.metadata)
            writer.write(text.encode("utf-8", "surrogateescape"))
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), DEADLINE_S)
            writer.close()
            return answer

    return asyncio.run(exchange()).decode()


def test_tokens_are_set_and_read(settings: Settings, tokens: Tokens) -> None:
    """Two tokens, two transactions that overlap, all valid tokens joined by a space."""
    answer = ask(
        settings,
        tokens,
        f"{HELLO}L{TOKEN}\t{ALICE}\nB1\t{ALICE}\nB2\t{ALICE}\t0\nS1\t{TOKEN}\topenpgp:abc\n"
        f"S2\t{TOKEN}\topenpgp:def\nC2\nC1\nL{TOKEN}\t{ALICE}\n",
    )

    first, *commits, last = answer.splitlines()
    assert first == "O"
    assert commits == ["O2", "O1"]
    assert sorted(last[1:].split(" ")) == ["openpgp:abc", "openpgp:def"]


def test_unset_removes_and_rollback_forgets(settings: Settings, tokens: Tokens) -> None:
    """SETMETADATA with NIL arrives as U."""
    answer = ask(
        settings,
        tokens,
        f"{HELLO}B1\t{ALICE}\nS1\t{TOKEN}\tabc\nC1\nB2\t{ALICE}\nS2\t{TOKEN}\tother\nR2\n"
        f"L{TOKEN}\t{ALICE}\nB3\t{ALICE}\nU3\t{TOKEN}\nC3\nL{TOKEN}\t{ALICE}\n",
    )

    assert answer == "O1\nOabc\nO3\nO\n"


@pytest.mark.parametrize(
    ("change", "user"),
    [
        (f"S1\t{TOKEN}\ttwo words", ALICE),
        (f"S1\t{TOKEN}\t", ALICE),
        (f"S1\t{TOKEN}", ALICE),
        (f"S1\t{TOKEN}\t{'x' * 4097}", ALICE),
        (f"S1\t{TOKEN}\tsnow☃", ALICE),
        (f"S1\t{TOKEN}\ta\x01tb", ALICE),
        ("S1\tpriv/0/messagenew\t", ALICE),
        ("S1\tpriv/0/comment\tx", ALICE),
        ("S1\tshared/0/comment\tx", ALICE),
        (f"A1\t{TOKEN}\t1", ALICE),
        (f"S1\t{TOKEN}\tabc", "bob123456@chat.example.org"),
        (f"S1\t{TOKEN}\tabc", "../../x"),
    ],
)
def test_a_wrong_value_fails_at_commit(
    settings: Settings, tokens: Tokens, change: str, user: str
) -> None:
    """And leaves the tokens as they were."""
    answer = ask(settings, tokens, f"{HELLO}B1\t{user}\n{change}\nC1\n")

    assert answer == f"F1\t{server.REFUSED}\n"
    assert tokens.valid(ALICE, now_s=NOW_S) == []


def test_server_keys(settings_json: dict[str, Any], tokens: Tokens, tmp_path: pathlib.Path) -> None:
    """irohrelay, maxsmtprecipients and appversions; unknown keys are absent."""
    versions = {
        "clients": [
            {
                "clientId": "x",
                "sources": [
                    {
                        "sourceId": "s",
                        "versionInteger": 7,
                        "versionString": "7.0",
                        "downloadUrl": "https://d.example.org",
                    }
                ],
            }
        ]
    }
    file = tmp_path / "versions.json"
    file.write_text(json.dumps(versions, indent=4))
    settings_json["appVersionsFile"] = str(file)
    settings_json["iroh"]["url"] = "https://iroh.example.org"
    settings = Settings.from_json(settings_json)
    names = ["irohrelay", "maxsmtprecipients", "appversions", "turn", "other"]

    answer = ask(
        settings,
        tokens,
        HELLO + "".join(f"L{SHARED}{n}\t{ALICE}\n" for n in names) + f"Lpriv/0/x\t{ALICE}\nLx\t\n",
    ).splitlines()

    assert answer[:2] == ["Ohttps://iroh.example.org", "O1000"]
    assert json.loads(answer[2][1:]) == versions
    assert answer[3:] == ["N", "N", "N", "N"]


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "{}", '{"clients": {}}', '{"clients": [{"clientId": 1, "sources": []}]}',
        '{"clients": [{"clientId": "x", "sources": [{"sourceId": "s", "versionInteger": "7",'
        ' "versionString": "7", "downloadUrl": "u"}]}]}',
        '{"clients": [{"clientId": "x", "sources": [{"sourceId": "s", "versionInteger": 4294967296,'
        ' "versionString": "7", "downloadUrl": "u"}]}]}',
    ],
)  # fmt: skip
def test_wrong_app_versions_are_not_sent(
    settings_json: dict[str, Any], tokens: Tokens, tmp_path: pathlib.Path, content: str
) -> None:
    """Clients drop the whole document for one wrong type."""
    (tmp_path / "versions.json").write_text(content)
    settings_json["appVersionsFile"] = str(tmp_path / "versions.json")

    answer = ask(
        Settings.from_json(settings_json), tokens, f"{HELLO}L{SHARED}appversions\t{ALICE}\n"
    )

    assert answer == "N\n"


def test_without_a_file_clients_get_the_versions_of_this_release(
    settings: Settings, tokens: Tokens
) -> None:
    """Complete, and with a URL that Delta Chat can open."""
    answer = ask(settings, tokens, f"{HELLO}L{SHARED}appversions\t{ALICE}\n")

    (client,) = json.loads(answer.removeprefix("O"))["clients"]
    assert client["clientId"] == "deltachat"
    for source in client["sources"]:
        assert source["downloadUrl"].startswith("https://")
        assert source["versionString"] in source["downloadUrl"]


def test_turn_credentials_are_what_coturn_checks(settings: Settings) -> None:
    """User name = expiry in unix seconds, password = base64 of HMAC-SHA1 over it."""
    assert turn_credentials("h", settings.turn, 0, NOW_S) is None
    pathlib.Path(settings.turn.secret_file).write_text("top secret\n")

    host, port, expiry, password = (
        turn_credentials("chat.example.org", settings.turn, 1, NOW_S) or ""
    ).split(":")

    assert (host, port) == ("chat.example.org", "3478")
    assert DAY_S <= int(expiry) - int(NOW_S) < 5 * DAY_S
    expected = hmac.new(b"top secret", expiry.encode(), hashlib.sha1).digest()
    assert base64.b64decode(password) == expected


def test_turn_user_names_are_few(settings: Settings) -> None:
    """An account that asks all the time has two valid user names at once; coturn counts by them."""
    pathlib.Path(settings.turn.secret_file).write_text("top secret\n")
    names = {
        int((turn_credentials("h", settings.turn, 12345, NOW_S + hour * 3600) or "").split(":")[2])
        for hour in range(20 * 24)
    }

    now_s = int(NOW_S) + 10 * DAY_S
    assert len({name for name in names if now_s <= name < now_s + 5 * DAY_S}) <= 2
    assert len(names) == 6


def test_turn_user_names_belong_to_accounts(settings: Settings, tokens: Tokens) -> None:
    """However often and with whatever tag it asks; another account has another one."""
    pathlib.Path(settings.turn.secret_file).write_text("top secret\n")
    keys = Keys(settings, tokens)
    users = [
        "alice1234@chat.example.org",
        "alice1234+x@chat.example.org",
        "bob123456@chat.example.org",
    ]

    alice, tagged, bob = (keys.look_up(f"{SHARED}turn", parse_address(user)) for user in users)

    assert alice == tagged
    assert bob != alice
    with pytest.raises(AddressError):
        keys.look_up(f"{SHARED}turn", None)


def test_iteration_ends(settings: Settings, tokens: Tokens) -> None:
    """Without the empty line Dovecot would wait for ever."""
    answer = ask(settings, tokens, f"{HELLO}I0\t0\tpriv/0/\t{ALICE}\nLx\t{ALICE}\n")

    assert answer == "\nN\n"


@pytest.mark.parametrize(
    "line", ["C7", "S7\tk\tv", "L\x01x\tuser", "L\udcff\tuser", "L" + "x" * 70000]
)
def test_broken_lines_end_the_connection(settings: Settings, tokens: Tokens, line: str) -> None:
    """The next connection works."""
    with contextlib.suppress(ConnectionResetError):
        assert ask(settings, tokens, f"{HELLO}{line}\nLx\t{ALICE}\n") == ""
    assert ask(settings, tokens, f"{HELLO}Lx\t{ALICE}\n") == "N\n"


def test_an_unknown_command_has_no_answer(settings: Settings, tokens: Tokens) -> None:
    """Later versions of the protocol may have more."""
    assert ask(settings, tokens, f"{HELLO}Z\nT1\t2\t3\nLx\t{ALICE}\n") == "N\n"


@given(st.text())
def test_escaping_is_undone_by_unescaping(text: str) -> None:
    """And no separator of lines or fields is left."""
    escaped = escape(text)

    assert not set("\t\n\r\0") & set(escaped)
    assert unescape(escaped) == text


@given(st.binary(max_size=200))
def test_any_line_is_a_command_or_an_error(line: bytes) -> None:
    """No other exception."""
    with contextlib.suppress(ProtocolError):
        parse_line(line)


def test_parallel_sets_lose_none(settings: Settings, tokens: Tokens) -> None:
    """Twenty connections at once."""

    async def scenario() -> None:
        handler = server.connection(Keys(settings, tokens))
        async with serve.streams(serve.listen_unix(settings.sockets.metadata), handler):

            async def add(number: int) -> str:
                reader, writer = await asyncio.open_unix_connection(settings.sockets.metadata)
                writer.write(f"{HELLO}B1\t{ALICE}\nS1\t{TOKEN}\ttoken{number}\nC1\n".encode())
                answer = await asyncio.wait_for(reader.readline(), DEADLINE_S)
                writer.close()
                return answer.decode()

            assert set(await asyncio.gather(*map(add, range(20)))) == {"O1\n"}

    asyncio.run(scenario())
    import time

    assert len(tokens.valid(ALICE, now_s=time.time())) == 20
