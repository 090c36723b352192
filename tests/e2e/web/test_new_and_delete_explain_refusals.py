"""`/new` and `/account/delete` answer refused requests with a reason that Delta Chat shows."""

from __future__ import annotations

import json

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Target
from chatmail_testkit.web.client import Answer, request

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
LANGUAGES = ["en", "de", "pl", "it", "fr", "es", "nl", "pt", "ru", "uk"]
LONG = b"x" * 100_000


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/new", "PUT", "GET, HEAD, POST"),
        ("/new", "DELETE", "GET, HEAD, POST"),
        ("/cgi-bin/newemail.py", "OPTIONS", "GET, HEAD, POST"),
        ("/account/delete", "GET", "POST"),
        ("/account/delete", "DELETE", "POST"),
    ],
)
def test_wrong_methods_get_405(
    path: str, method: str, allowed: str, target: Target, relay: str
) -> None:
    """With the allowed methods (RFC 9110 section 15.5.6)."""
    answer = request(target, method, relay, path)

    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert _reason(answer)


def test_reasons_follow_accept_language(target: Target, relay: str) -> None:
    """Ten languages, ten sentences; English otherwise."""
    reasons = {}
    for wish in [*LANGUAGES, "ja"]:
        headers = [("Accept-Language", f"xx, {wish};q=0.8, en;q=0.1")]
        answer = request(target, "PUT", relay, "/new", headers=headers)
        reasons[wish] = _reason(answer)
        assert answer.headers["content-language"] == ("en" if wish == "ja" else wish)

    assert len(set(reasons.values())) == len(LANGUAGES)
    assert reasons["ja"] == reasons["en"]


@pytest.mark.parametrize("path", ["/new", "/account/delete"])
def test_oversized_bodies_are_refused(path: str, target: Target, relay: str) -> None:
    """Before they are read completely."""
    answer = request(target, "POST", relay, path, body=LONG)

    assert answer.status == 413
    assert _reason(answer)


def test_an_unneeded_body_is_ignored(target: Target, relay: str) -> None:
    """In every form."""
    answer = request(target, "POST", relay, "/new", body=b'{"email": "me@example.org"')

    assert answer.status == 200
    assert "example.org" not in answer.body.decode()


@pytest.mark.parametrize(
    "path", ["/new/", "/new/../account/delete", "/new%2f..%2f", "/NEW", "/new;x", "/account/"]
)
def test_similar_paths_are_not_found(path: str, target: Target, relay: str) -> None:
    """They reach neither service."""
    assert request(target, "POST", relay, path).status in (400, 404, 405)


@pytest.mark.parametrize("token", ["x", "../../../etc/passwd", "%00", "a" * 4000, "a&b=c", "%ff"])
def test_invalid_tokens_are_ignored(token: str, target: Target, relay: str) -> None:
    """An open relay needs no invitation."""
    assert request(target, "POST", relay, f"/new?{token}").status == 200


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (JSON, b"", 400),
        (JSON, b'{"address": ', 400),
        (JSON, b"[]", 400),
        (JSON, b"null", 400),
        (JSON, b'{"address": "%s"}', 400),
        (JSON, b'{"address": "%s", "password": 1}', 400),
        (JSON, b'{"address": {"$ne": ""}, "password": ""}', 400),
        (JSON, b'{"address": "%s", "password": "\\ud800"}', 403),
        (JSON, b'{"address": "%s", "password": ""}', 403),
        (JSON, b'{"address": "%s", "password": "wrong password"}', 403),
        (JSON, b'{"address": "../%s", "password": "x"}', 403),
        (JSON, b'{"address": "x/../%s", "password": "x"}', 403),
        (JSON, b'{"address": "%s/../..", "password": "x"}', 403),
        (JSON, b'{"address": "%s\\u0000", "password": "x"}', 403),
        (JSON, b'{"address": "..", "password": "x"}', 403),
        (JSON, b'{"address": "", "password": ""}', 403),
        (JSON, b"[" * 5000, 400),
        (FORM, b"", 400),
        (FORM, b"address=%%2e%%2e%%2f%s&password=x", 403),
        (FORM, b"address=%s", 400),
        (FORM, b"address=%s&password=wrong+password", 403),
        (FORM, b"\xff\xfe", 400),
        ("text/plain", b"delete me", 400),
    ],
)
def test_invalid_requests_delete_nothing(
    kind: str, body: bytes, status: int, target: Target, alice: Person
) -> None:
    """Malformed requests, paths and wrong passwords each get a reason."""
    body = body.replace(b"%s", alice.address.encode()).replace(b"%%", b"%")

    answer = request(
        target, "POST", alice.domain, "/account/delete", headers=[("Content-Type", kind)], body=body
    )

    assert answer.status == status
    assert _reason(answer)
    assert alice.imap.noop()


def _reason(answer: Answer) -> str:
    """Return the JSON member `reason`, which core reads."""
    assert answer.headers["content-type"].startswith(JSON)
    return str(json.loads(answer.body)["reason"])
