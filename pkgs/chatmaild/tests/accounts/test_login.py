"""Logins as Dovecot posts them: creation, right and wrong passwords, refusals."""

import asyncio
import json
import pathlib
import re
from collections.abc import Callable
from typing import Any

import pytest

from chatmaild.accounts import login as module
from chatmaild.accounts.limits import patience
from chatmaild.address import parse_address
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.passwords import can_verify, crypt, hash_password, verify_password

ALICE = "alice1234@chat.example.org"
ACCOUNT = parse_address(ALICE)
GOOD = {"access_token": "x", "user": ALICE, "active": True, "reason": ""}
Play = Callable[[Any], None]


def test_first_login_then_right_and_wrong_password(play: Play, mailboxes: Mailboxes) -> None:
    """A wrong password is refused and changes nothing."""

    async def scenario(relay: Any) -> None:
        status, body = await relay.login("Alice1234@Chat.Example.Org", "secret-password")
        assert (status, json.loads(body)) == (200, GOOD)
        stored = mailboxes.password_hash(ACCOUNT)

        status, body = await relay.login(ALICE, "wrong-password")
        assert (status, json.loads(body)) == (200, GOOD | {"active": False})
        status, body = await relay.login(ALICE, "secret-password")

        assert (status, json.loads(body)) == (200, GOOD)
        assert mailboxes.password_hash(ACCOUNT) == stored

    play(scenario)


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("alice1234@other.example.org", "secret-password"),
        ("alice123@chat.example.org", "secret-password"),
        ("alice12345@chat.example.org", "secret-password"),
        ("alice 123@chat.example.org", "secret-password"),
        ("alice+123@chat.example.org", "secret-password"),
        ("al/ce1234@chat.example.org", "secret-password"),
        ("../../../@chat.example.org", "secret-password"),
        ("alice1234", "secret-password"),
        ("alice1234@chat.example.org@chat.example.org", "secret-password"),
        ("älice1234@chat.example.org", "secret-password"),
        ("alice1234@chat.example.org\0", "secret-password"),
        ("", ""),
        (ALICE, "12345678"),
        (ALICE, ""),
    ],
)
def test_what_is_beyond_the_limits_is_a_failed_login(
    play: Play, mailboxes: Mailboxes, user: str, password: str
) -> None:
    """Not a temporary failure, and nothing is made."""

    async def scenario(relay: Any) -> None:
        status, body = await relay.login(user, password)
        assert status == 200
        assert {"access_token", "user", "active", "reason"} == json.loads(body).keys()
        assert not json.loads(body)["active"]
        assert list(mailboxes.directory.iterdir()) == []

    play(scenario)


@pytest.mark.parametrize(
    "password", ["pässwörd-ünïcode", "a&b=c%20+d e;f", "x" * 1000, "\t\x01\n" * 5, "nul\0" * 5]
)
def test_passwords_of_any_characters(play: Play, password: str) -> None:
    """The form transports any password unchanged."""

    async def scenario(relay: Any) -> None:
        assert json.loads((await relay.login(ALICE, password))[1])["active"]
        assert json.loads((await relay.login(ALICE, password))[1])["active"]
        assert not json.loads((await relay.login(ALICE, password + "x"))[1])["active"]

    play(scenario)


def test_ten_parallel_first_logins_make_one_address(play: Play, mailboxes: Mailboxes) -> None:
    """With the same password all ten succeed; with ten different ones, exactly one."""

    async def scenario(relay: Any) -> None:
        answers = await asyncio.gather(*(relay.login(ALICE, "same-password") for _ in range(10)))
        assert {body for _, body in answers} == {json.dumps(GOOD).encode()}
        answers = await asyncio.gather(
            *(relay.login("other1234@chat.example.org", f"password-{n}") for n in range(10))
        )
        assert sorted(json.loads(body)["active"] for _, body in answers) == [False] * 9 + [True]
        assert len(list(mailboxes.addresses())) == 2

    play(scenario)


def test_refused_creation_and_logins_that_go_on(
    play: Play, mailboxes: Mailboxes, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The stop file refuses new addresses at once, and never a login."""
    stop = pathlib.Path(settings.registration.stop_file)

    async def scenario(relay: Any) -> None:
        await relay.login(ALICE, "secret-password")
        stop.touch()
        with caplog.at_level("INFO"):
            status, body = await relay.login("other1234@chat.example.org", "secret-password")
            assert (status, json.loads(body)["active"]) == (200, False)
        assert json.loads((await relay.login(ALICE, "secret-password"))[1]) == GOOD
        stop.unlink()
        assert json.loads((await relay.login("other1234@chat.example.org", "secret-password"))[1])[
            "active"
        ]

    play(scenario)
    assert "registration rejected: " in caplog.text
    assert "other1234" not in caplog.text


def test_a_blocked_address_cannot_log_in(play: Play, mailboxes: Mailboxes) -> None:
    """An empty password file blocks; the address is not made anew."""
    mailboxes.create(ACCOUNT, "", now_s=0)

    async def scenario(relay: Any) -> None:
        status, body = await relay.login(ALICE, "secret-password")
        assert (status, json.loads(body)) == (200, GOOD | {"active": False})
        assert mailboxes.password_hash(ACCOUNT) == ""

    play(scenario)


def test_a_changed_password_counts_at_once(play: Play, mailboxes: Mailboxes) -> None:
    """The memory of verified passwords does not outlive the stored hash."""

    async def scenario(relay: Any) -> None:
        await relay.login(ALICE, "secret-password")
        mailboxes.set_password_hash(ACCOUNT, hash_password(b"changed-password"), now_s=0)

        status, body = await relay.login(ALICE, "secret-password")
        assert (status, json.loads(body)) == (200, GOOD | {"active": False})
        assert json.loads((await relay.login(ALICE, "changed-password"))[1]) == GOOD

    play(scenario)


@pytest.mark.parametrize("body", [b"", b"username=a", b"password=x", b"\xff=\xfe", b"a" * 3000])
def test_a_broken_request_is_no_wrong_password(play: Play, body: bytes) -> None:
    """Not 2xx: Dovecot reports a temporary failure."""

    async def scenario(relay: Any) -> None:
        assert (await relay.post_login(body))[0] == 400

    play(scenario)


def test_overload_and_a_failing_disk_are_temporary(
    play: Play, mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, never `active: false`."""

    async def scenario(relay: Any) -> None:
        monkeypatch.setattr(patience, "PATIENCE_S", 0.0)
        monkeypatch.setattr(module, "MAX_WAITING", 0)
        assert (await relay.login(ALICE, "secret-password"))[0] == 503
        monkeypatch.setattr(module, "MAX_WAITING", 400)
        mailboxes.directory.rmdir()
        assert (await relay.login(ALICE, "secret-password"))[0] == 503

    play(scenario)


def test_our_hash_is_one_that_every_crypt_reads() -> None:
    """Yescrypt; the length and every byte of a password count."""
    password = b"p" * 511
    encoded = hash_password(password)

    assert re.fullmatch(r"\$y\$j65\$[./0-9A-Za-z]{20}\$[./0-9A-Za-z]{43}", encoded)
    assert encoded == crypt(password, encoded)
    assert encoded != hash_password(password)
    for other in (password[:-1], password + b"p", password + b"\0"):
        assert not verify_password(other, encoded)
        assert verify_password(other, hash_password(other))
    for damaged in ("$y$j65$", encoded[:-3], encoded.replace("j65", "j55"), "$y$j65$\0"):
        assert not verify_password(password, damaged)


def test_hashes_of_scrypt_carry_their_parameters() -> None:
    """They are verified with their own numbers; damaged ones never match."""
    import base64
    import hashlib

    derived = hashlib.scrypt(b"pw", salt=b"salt", n=16, r=1, p=1, dklen=16)
    encoded = "$scrypt$ln=4,r=1,p=1$" + "$".join(
        base64.b64encode(part).decode() for part in (b"salt", derived)
    )

    assert verify_password(b"pw", encoded)
    assert not verify_password(b"pW", encoded)
    for damaged in ("", "x", "$scrypt$", encoded[:-3], encoded.replace("ln=4", "ln=x"),
                    encoded.replace("ln=4", "ln=99"), encoded.replace("ln=4,", "")):  # fmt: skip
        assert not verify_password(b"pw", damaged)


@pytest.mark.parametrize("cost", ["ln=30,r=8,p=1", "ln=4,r=1,p=999999", "ln=99999999999,r=1,p=1"])
def test_hashes_that_cost_much_verify_nothing(cost: str) -> None:
    """A hash that came with an import would take the memory of the machine at each login."""
    encoded = f"$scrypt${cost}$c2FsdA==$c2FsdHNhbHRzYWx0c2FsdA=="

    assert not can_verify(encoded)
    assert not verify_password(b"pw", encoded)


def test_scrypt_is_the_one_of_the_rfc() -> None:
    """RFC 7914 section 12, third vector: N=16384, r=8, p=1."""
    import base64

    expected = bytes.fromhex(
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
        "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
    )
    salt, derived = (base64.b64encode(x).decode() for x in (b"SodiumChloride", expected))

    assert verify_password(b"pleaseletmein", f"$scrypt$ln=14,r=8,p=1${salt}${derived}")


# "Hello world!", made by the C library
SHA512_CRYPT = (
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4O"
    "TLiBFdcbYEdFCoEOfaS35inz1"
)


@pytest.mark.parametrize("scheme", ["", "{SHA512-CRYPT}"])
def test_a_hash_of_another_server_is_replaced_by_the_first_login(
    play: Play, mailboxes: Mailboxes, scheme: str
) -> None:
    """The password stays valid; a wrong one changes nothing."""
    mailboxes.create(ACCOUNT, scheme + SHA512_CRYPT, now_s=0)

    async def scenario(relay: Any) -> None:
        assert not json.loads((await relay.login(ALICE, "Hello world?"))[1])["active"]
        assert mailboxes.password_hash(ACCOUNT) == scheme + SHA512_CRYPT
        for _ in range(2):
            assert json.loads((await relay.login(ALICE, "Hello world!"))[1]) == GOOD
            assert (mailboxes.password_hash(ACCOUNT) or "").startswith("$y$j65$")

    play(scenario)


@pytest.mark.parametrize(
    ("encoded", "password"),
    [
        (SHA512_CRYPT, b"Hello world!"),
        (
            "$6$rounds=1500$salt$KupIYDxKXuNnG7niZHYboWX/3wxTx4sPcNRdXpSRXSjL.r7oUvkf56mO8eNak"
            ".9knNdIzulTaU6/q7x0/TMIF.",
            b"Hello world!",
        ),
    ],
)
def test_hashes_of_sha512_crypt(encoded: str, password: bytes) -> None:
    """Those that would cost too much are refused; what follows a NUL belongs to the password."""
    assert verify_password(password, encoded)
    assert not verify_password(password + b"x", encoded)
    assert not verify_password(password + b"\0x", encoded)
    assert not verify_password(password, encoded.replace("$6$", "$6$rounds=999999999$", 1))


@pytest.mark.usefixtures("no_refill")
def test_guesses_are_slowed_down(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty at once are ten; elsewhere the owner logs in, and the web form guesses no further."""
    monkeypatch.setattr(patience, "PATIENCE_S", 0.0)

    async def scenario(relay: Any) -> None:
        await relay.login(ALICE, "secret-password", "192.0.2.1")
        guesses = await asyncio.gather(
            *(relay.login(ALICE, f"password-{n}", "192.0.2.1") for n in range(60))
        )
        assert sorted(status for status, _ in guesses) == [200] * 10 + [503] * 50
        assert (await relay.login(ALICE, "secret-password", "192.0.2.1"))[0] == 503
        assert json.loads((await relay.login(ALICE, "secret-password", "2001:db8::1"))[1]) == GOOD
        body = json.dumps({"address": ALICE, "password": "secret-password"}).encode()
        headers = {"content_type": "application/json", "x_real_ip": "192.0.2.1"}
        assert (await relay.web("POST", "/account/delete", body, **headers))[0] == 429

    play(scenario)
