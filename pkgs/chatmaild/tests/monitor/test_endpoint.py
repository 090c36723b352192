"""Who may read the page."""

import asyncio
import json
import pathlib
from typing import Any

import pytest

from chatmaild.errors import SettingsError
from chatmaild.monitor.endpoint import handler, read_token
from chatmaild.settings import Settings
from chatmaild.wire.http1 import Response, parse_request


def _get(token: str | None, *lines: str, start: str = "GET /metrics") -> Response:
    async def page() -> bytes:
        return b"numbers"

    request, _ = parse_request(
        "\r\n".join([f"{start} HTTP/1.1", "Host: x", *lines, "", ""]).encode()
    )
    assert request is not None

    async def ask() -> Response:
        return await handler(page, token)(request)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("token", "lines", "start", "status"),
    [
        (None, [], "GET /metrics", 200),
        (None, [], "HEAD /metrics", 200),
        (None, [], "GET /", 404),
        (None, [], "POST /metrics", 405),
        ("secret", ["Authorization: Bearer secret"], "GET /metrics", 200),
        ("secret", [], "GET /metrics", 401),
        ("secret", ["Authorization: Bearer secre"], "GET /metrics", 401),
        ("secret", ["Authorization: Bearer sécret"], "GET /metrics", 401),
        ("secret", ["Authorization: Basic secret"], "GET /metrics", 401),
        ("secret", [], "GET /", 401),
    ],
)
def test_the_token_counts(token: str | None, lines: list[str], start: str, status: int) -> None:
    """Without it nothing is said, not even which paths exist."""
    answer = _get(token, *lines, start=start)

    assert answer.status == status
    assert (answer.body == b"numbers") == (status == 200)


def test_the_format_is_named() -> None:
    """Prometheus 3 refuses a page without it."""
    assert _get(None).content_type.startswith("text/plain; version=0.0.4")


def _settings(settings_json: dict[str, Any], **values: Any) -> Settings:
    settings_json["monitoring"]["metrics"] |= values
    return Settings.from_json(json.loads(json.dumps(settings_json)))


@pytest.mark.parametrize("address", ["10.0.0.5", "0.0.0.0", "::", "2001:db8::1"])
def test_other_addresses_need_a_token(address: str, settings_json: dict[str, Any]) -> None:
    """Also where the assertion of Nix was avoided."""
    with pytest.raises(SettingsError, match="tokenFile"):
        read_token(_settings(settings_json, address=address))


def test_the_token_is_a_credential_of_the_unit(
    settings_json: dict[str, Any], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of the operator is for root."""
    settings = _settings(settings_json, address="10.0.0.5", tokenFile="/nobody/reads/this")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "token").write_text("secret\n")
    assert read_token(settings) == "secret"
    (tmp_path / "token").write_text("\n")
    with pytest.raises(SettingsError, match="empty"):
        read_token(settings)
