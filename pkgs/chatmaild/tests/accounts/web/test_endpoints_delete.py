"""`/account/delete`: people delete their own address."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chatmaild.address import parse_address
from chatmaild.store.mailboxes import Mailboxes

Play = Callable[[Any], None]
ALICE = "alice1234@chat.example.org"
ACCOUNT = parse_address(ALICE)
SURROGATE = b'{"address": "a@b", "password": "\\ud800"}'


def _as_json(address: str, password: str) -> bytes:
    return json.dumps({"address": address, "password": password}).encode()


def _as_form(address: str, password: str) -> bytes:
    return f"address={address}&password={password}".encode()


@pytest.mark.parametrize(
    ("kind", "encode"),
    [("application/json", _as_json), ("application/x-www-form-urlencoded", _as_form)],
)
def test_deleting_ones_own_address(
    play: Play, mailboxes: Mailboxes, kind: str, encode: Callable[[str, str], bytes]
) -> None:
    """With the right password only; as form and as JSON."""

    async def scenario(relay: Any) -> None:
        await relay.login(ALICE, "secret-password")

        async def delete(address: str, password: str) -> Any:
            body = encode(address, password)
            return await relay.web("POST", "/account/delete", body, content_type=kind)

        for address, password in ((ALICE, "wrong"), ("bob", "x"), ("a/b@c", "x"), (ALICE, "")):
            status, _, body = await delete(address, password)
            assert status in (400, 403)
            assert "reason" in json.loads(body)
        assert mailboxes.exists(ACCOUNT)
        status, _, body = await delete(ALICE.upper(), "secret-password")
        assert (status, json.loads(body)) == (200, {"deleted": True})
        assert not mailboxes.exists(ACCOUNT)

    play(scenario)


def test_a_browser_is_sent_to_a_page(play: Play, mailboxes: Mailboxes) -> None:
    """The form works without a script."""

    async def scenario(relay: Any) -> None:
        await relay.login(ALICE, "secret-password")
        for password, page in (("wrong", "not-deleted"), ("secret-password", "deleted")):
            status, headers, _ = await relay.web(
                "POST",
                "/account/delete",
                f"language=de&address={ALICE}&password={password}".encode(),
                content_type="application/x-www-form-urlencoded",
                accept="text/html,*/*",
                x_real_ip="192.0.2.1",
            )
            assert (status, headers["location"]) == (303, f"/de/{page}.html")
        assert not mailboxes.exists(ACCOUNT)

    play(scenario)


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status"),
    [
        ("PUT", "/new", b"", "", 405),
        ("DELETE", "/new", b"", "", 405),
        ("GET", "/account/delete", b"", "", 405),
        ("POST", "/other", b"", "", 404),
        ("POST", "/new/../account", b"", "", 404),
        ("POST", "/account/delete", b"", "", 400),
        ("POST", "/account/delete", b"{", "application/json", 400),
        ("POST", "/account/delete", b"[]", "application/json", 400),
        ("POST", "/account/delete", b'{"address": 1, "password": "x"}', "application/json", 400),
        ("POST", "/account/delete", SURROGATE, "application/json", 403),
        ("POST", "/account/delete", b"\xff\xfe", "application/json", 400),
        ("POST", "/new", b"x" * 65537, "", 413),
        ("POST", "/new", b"x" * 65536, "", 200),
        ("POST", "/new", b'{"broken', "application/json", 200),
    ],
)  # fmt: skip
def test_bad_requests_have_a_reason(
    play: Play, method: str, path: str, body: bytes, kind: str, status: int
) -> None:
    """405, 413, 400 and 404 with JSON, always."""

    async def scenario(relay: Any) -> None:
        answer = await relay.web(method, path, body, content_type=kind)
        assert answer[0] == status
        if status != 200:
            assert json.loads(answer[2])["reason"]
        if status == 405:
            assert "POST" in answer[1]["allow"]

    play(scenario)
