"""What the fronts of a relay on several machines ask a store: addresses, logins, deletion."""

import json
import pathlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from chatmaild.accounts import login as module
from chatmaild.accounts.cluster.fronts import addresses_of_fronts
from chatmaild.accounts.web.language import sentence
from chatmaild.address import parse_address
from chatmaild.settings import Settings
from chatmaild.store.decisions.notice import file_of
from chatmaild.store.fullness import set_nearly_full
from chatmaild.store.mailboxes import ENFORCE_ENCRYPTION, Mailboxes
from chatmaild.store.tombstones import Tombstones

Play = Callable[[Any], None]
ALICE = "alice1234@chat.example.org"
ACCOUNT = parse_address(ALICE)
BOB = "bob123456@chat.example.org"
ACCEPTED = (200, {"result": "accepted", "reason": ""})
REFUSED = (200, {"result": "refused", "reason": ""})
NOT_HERE = (404, {"here": False})
UNDECIDED: tuple[int, Any] = (503, {})
NOTHING = {
    "state": "free",
    "usable": False,
    "disabled": False,
    "enforces": True,
    "nearly_full": False,
}

pytestmark = pytest.mark.usefixtures("of_store")


async def ask(relay: Any, address: str) -> tuple[int, Any]:
    """Ask for an address."""
    found: tuple[int, Any] = await relay.front("GET", f"/address?address={quote(address)}")
    return found


async def login(
    relay: Any, user: str, password: str, *, ip: str = "192.0.2.1", path: str = "/login"
) -> tuple[int, Any]:
    """Pass on a login."""
    form = urlencode({"username": user, "password": password}).encode()
    found: tuple[int, Any] = await relay.front("POST", path, form, x_client_address=ip)
    return found


async def delete(relay: Any, address: str, password: str) -> tuple[int, Any]:
    """Pass on a deletion."""
    body = {"address": address, "password": password, "ip": "192.0.2.1"}
    found: tuple[int, Any] = await relay.front("POST", "/account/delete", json.dumps(body).encode())
    return found


def test_what_a_front_learns_of_an_address(
    play: Play, settings: Settings, mailboxes: Mailboxes
) -> None:
    """Whether it is here, or may be made; flags count at once, and tags do not."""

    async def scenario(relay: Any) -> None:
        assert await ask(relay, ALICE) == (200, NOTHING)
        mailboxes.create(ACCOUNT, "hash", now_s=0)
        here = NOTHING | {"state": "here", "usable": True}
        assert await ask(relay, ALICE) == (200, here)
        assert await ask(relay, "Alice1234+tag@Chat.Example.Org") == (200, here)
        mailboxes.set_disabled(ACCOUNT, True)
        (mailboxes.path(ACCOUNT) / ENFORCE_ENCRYPTION).unlink()
        set_nearly_full(str(mailboxes.path(ACCOUNT)), True)
        flags = {"disabled": True, "enforces": False, "nearly_full": True}
        assert await ask(relay, ALICE) == (200, here | flags)
        mailboxes.delete(ACCOUNT)
        assert await ask(relay, ALICE) == (200, NOTHING)
        Tombstones.of(settings).add(ACCOUNT, now_s=time.time())
        absent = (200, NOTHING | {"state": "absent"})
        assert await ask(relay, ALICE) == absent
        for name in ("postmaster", "short", "vrfy~"):
            assert await ask(relay, f"{name}@chat.example.org") == absent

    play(scenario)


@pytest.mark.parametrize(
    "query", ["", "address=", "address=x", "address=alice1234@other.example", "address=a%2Fb@c.d"]
)
def test_other_texts_are_no_question(play: Play, query: str) -> None:
    """Only addresses of the relay."""

    async def scenario(relay: Any) -> None:
        for path in ("/address", "/room"):
            assert await relay.front("GET", f"{path}?{query}&size=1") == (400, {})

    play(scenario)


def test_a_login_of_an_account(play: Play, settings: Settings, mailboxes: Mailboxes) -> None:
    """Right and wrong passwords, the notice, a blocked account; nothing is created."""

    async def scenario(relay: Any) -> None:
        assert await login(relay, ALICE, "secret-password") == NOT_HERE
        assert list(mailboxes.addresses()) == []
        assert await login(relay, ALICE, "secret-password", path="/first-login") == ACCEPTED
        assert await login(relay, ALICE, "secret-password") == ACCEPTED
        assert await login(relay, ALICE, "wrong-password") == REFUSED
        assert await login(relay, ALICE, "wrong-password", path="/first-login") == REFUSED
        file_of(settings).write_text('{"text": "Moved"}')
        answer = (200, {"result": "accepted", "reason": "Moved"})
        assert await login(relay, ALICE, "secret-password") == answer
        mailboxes.create(parse_address(BOB), "", now_s=0)
        assert await login(relay, BOB, "secret-password") == REFUSED
        for other in ("alice1234@other.example", "alice1234+x@chat.example.org", "x", ""):
            assert await login(relay, other, "secret-password") == REFUSED
        counts = await relay.metrics()
        assert 'logins_total{result="refused"} 3' in counts
        assert 'addresses_created_total{kind="user"} 1' in counts

    play(scenario)


def test_a_refused_first_login_has_its_text(play: Play, settings: Settings) -> None:
    """Temporary reasons are for the client; a password that is too short is wrong."""
    stop = pathlib.Path(settings.registration.stop_file)

    async def scenario(relay: Any) -> None:
        stop.touch()
        reason = f"[UNAVAILABLE] {sentence('stopped', 'en')}"
        refused = (200, {"result": "refused", "reason": reason})
        assert await login(relay, ALICE, "secret-password", path="/first-login") == refused
        stop.unlink()
        assert await login(relay, ALICE, "short", path="/first-login") == REFUSED

    play(scenario)


@pytest.mark.usefixtures("no_refill")
def test_wrong_passwords_are_limited_by_the_network_of_the_client(play: Play) -> None:
    """Not by that of the front."""

    async def scenario(relay: Any) -> None:
        await login(relay, ALICE, "secret-password", path="/first-login")
        for number in range(10):
            assert await login(relay, ALICE, f"password-{number}") == REFUSED

        assert await login(relay, ALICE, "secret-password") == UNDECIDED
        assert await delete(relay, ALICE, "secret-password") == UNDECIDED
        assert await login(relay, ALICE, "secret-password", ip="198.51.100.1") == ACCEPTED

    play(scenario)


def test_what_cannot_be_decided_is_a_503(
    play: Play, mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """Overload, and a failing disk: neither `refused` nor `not here`, and no address in the log."""

    async def scenario(relay: Any) -> None:
        mailboxes.create(ACCOUNT, "hash", now_s=0)
        monkeypatch.setattr(module, "MAX_WAITING", 0)
        assert await login(relay, ALICE, "secret-password") == UNDECIDED
        monkeypatch.undo()
        mailboxes.delete(ACCOUNT)
        path = mailboxes.path(ACCOUNT)
        path.symlink_to(path)
        assert await login(relay, ALICE, "secret-password") == UNDECIDED
        assert await login(relay, ALICE, "secret-password", path="/first-login") == UNDECIDED
        assert await ask(relay, ALICE) == UNDECIDED
        assert await delete(relay, ALICE, "secret-password") == UNDECIDED

    play(scenario)
    assert "request of a front failed" in caplog.text
    assert "alice" not in caplog.text


@pytest.fixture
def quota(settings: Settings) -> Iterator[None]:
    """Dovecot's quota-status, for mailboxes with room for 100 bytes."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(settings.sockets.quota_status)
        listener.listen()
        thread = threading.Thread(target=_quota, args=(listener,))
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _quota(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, connection.makefile() as lines:
            fields = dict(line.rstrip().split("=", 1) for line in iter(lines.readline, "\n"))
            fits = int(fields["size"]) <= 100 and fields["recipient"] == ALICE
            connection.sendall(b"action=OK\n\n" if fits else b"action=552 5.2.2\n\n")


@pytest.mark.usefixtures("of_store", "quota")
def test_room(play: Play, mailboxes: Mailboxes) -> None:
    """Dovecot decides, where there is an account; a size is a number."""

    async def scenario(relay: Any) -> None:
        assert await relay.front("GET", f"/room?address={quote(ALICE)}&size=1") == NOT_HERE
        mailboxes.create(ACCOUNT, "hash", now_s=0)
        for size, room in ((100, True), (101, False)):
            path = f"/room?address={quote(ALICE)}&size={size}"
            assert await relay.front("GET", path) == (200, {"room": room})
        for text in ("", "-1", "x", "9" * 16, "²"):
            path = f"/room?address={quote(ALICE)}&size={quote(text)}"
            assert await relay.front("GET", path) == (400, {})

    play(scenario)


def test_deletion(play: Play, mailboxes: Mailboxes) -> None:
    """With the password alone; the name is not free for a while."""

    async def scenario(relay: Any) -> None:
        assert await delete(relay, ALICE, "secret-password") == NOT_HERE
        await login(relay, ALICE, "secret-password", path="/first-login")
        assert await delete(relay, ALICE, "wrong-password") == (403, {})
        assert mailboxes.exists(ACCOUNT)
        assert await delete(relay, ALICE, "secret-password") == (200, {"deleted": True})
        assert not mailboxes.exists(ACCOUNT)
        assert (await ask(relay, ALICE))[1]["state"] == "absent"
        assert await login(relay, ALICE, "secret-password") == NOT_HERE
        assert 'addresses_deleted_total{by="person"} 1' in await relay.metrics()

    play(scenario)


def test_requests_that_are_none(play: Play) -> None:
    """Unknown paths, wrong methods, bodies that are too large or broken."""

    async def scenario(relay: Any) -> None:
        assert (await relay.front("GET", "/alive"))[0] == 200
        assert await relay.front("GET", "/refusal") == (404, {})
        assert await relay.front("GET", "/login") == (405, {})
        assert await relay.front("POST", "/address") == (405, {})
        assert await relay.front("POST", "/login", b"x" * 65537) == (413, {})
        assert await relay.front("POST", "/login", b"username=a") == (400, {})
        for body in (b"", b"[]", b"{}", b"1", b'"token"', b"[" * 60000, b'{"token": 1}'):
            assert await relay.front("POST", "/invite/redeem", body) == (400, {})

    play(scenario)


@pytest.fixture
def elsewhere(of_store: dict[str, Any]) -> None:
    """The fronts are other machines."""
    of_store["cluster"]["fronts"]["front1"]["address"] = "192.0.2.7"


@pytest.mark.usefixtures("elsewhere")
def test_only_fronts_are_served(play: Play, settings: Settings) -> None:
    """Others in the tunnel cannot have passwords checked; IP addresses have one form."""

    async def scenario(relay: Any) -> None:
        with pytest.raises((EOFError, ConnectionError)):
            await relay.front("GET", "/alive")

    play(scenario)
    assert {"192.0.2.7", "fd00::1"} == addresses_of_fronts(settings)


def test_a_store_has_no_sockets_for_postfix_and_nginx(play: Play, settings: Settings) -> None:
    """Nothing there would ask."""
    sockets = settings.sockets

    async def scenario(_: Any) -> None:
        for path in (sockets.recipients, sockets.transports, sockets.web):
            assert not pathlib.Path(path).exists()
        assert pathlib.Path(sockets.metadata).is_socket()

    play(scenario)
