"""Responses of nginx: the language of the browser, headers, unknown paths."""

import http.client
import re
from urllib.parse import urlsplit

import pytest
from webtest.relay import Relay
from webtest.waiting import DEADLINE_S


def get(relay: Relay, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers with lower-case names, and text of a response."""
    connection = http.client.HTTPConnection(urlsplit(relay.url).netloc, timeout=DEADLINE_S)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers=named)
        answer = connection.getresponse()
        fields: dict[str, str] = {}
        for name, value in answer.getheaders():
            earlier = fields.get(name.lower())
            fields[name.lower()] = value if earlier is None else f"{earlier}, {value}"
        return answer.status, fields, answer.read().decode()
    finally:
        connection.close()


def language_of(html: str) -> str:
    """The language in the `lang` attribute of a page."""
    match = re.search(r'<html lang="(..)">', html)
    assert match is not None
    return match.group(1)


@pytest.mark.parametrize(
    ("wish", "language"),
    [
        ("de", "de"),
        ("pl-PL,pl;q=0.9,en;q=0.8", "pl"),
        ("gsw,sv;q=0.9,fr-CH;q=0.8,en;q=0.5", "fr"),
        ("uk , en", "uk"),
        ("ja,zh", "en"),
        ("den", "en"),
        ("x-de", "en"),
        ("", "en"),
        ("*", "en"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/privacy.html"])
def test_the_first_known_language_is_chosen(
    trusted_relay: Relay, path: str, wish: str, language: str
) -> None:
    """From Accept-Language (RFC 9110 section 12.5.4); the default is English."""
    status, headers, html = get(trusted_relay, path, Accept_Language=wish)

    assert status == 200
    assert language_of(html) == language
    assert "Accept-Language" in headers["vary"]
    assert headers["content-type"] == "text/html; charset=utf-8"


def test_a_path_with_a_language_has_that_language(trusted_relay: Relay) -> None:
    """The browser's language does not matter."""
    for path in ("/it/", "/it", "/it/info.html"):
        status, _, html = get(trusted_relay, path, Accept_Language="de")

        assert (status, language_of(html)) == (200, "it")


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/en/nothing.html", "/assets/nothing.css", "/xx/", "/.git/config", "/..%2f..%2f"],
)
def test_an_unknown_path_is_not_found(trusted_relay: Relay, path: str) -> None:
    """The reply has status 404, and is in the language of the browser."""
    status, _, html = get(trusted_relay, path, Accept_Language="nl")

    assert status in {400, 404}
    if status == 404 and not path.startswith("/assets/"):
        assert "Pagina niet gevonden" in html


def test_paths_outside_of_the_folder_are_refused(trusted_relay: Relay) -> None:
    """Only files in the folder of the pages are served."""
    for path in ("/../settings.json", "/%2e%2e/settings.json", "/assets/../../settings.json"):
        status, _, text = get(trusted_relay, path)

        assert status in {400, 404}
        assert "retention" not in text


def test_the_content_security_policy_is_strict(
    trusted_relay: Relay, self_signed_relay: Relay
) -> None:
    """On every page, also on errors. Only self-signed relays allow scripts."""
    for path in ("/", "/en/privacy.html", "/nothing", "/qr-chatmail-invite-chat.example.org.svg"):
        _, headers, _ = get(trusted_relay, path)
        policy = headers["content-security-policy"]

        assert policy.startswith("default-src 'none'; ")
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    _, headers, _ = get(self_signed_relay, "/")

    assert "script-src 'self'; connect-src 'self'" in headers["content-security-policy"]


def test_assets_are_cached_and_pages_are_revalidated(trusted_relay: Relay) -> None:
    """Browsers show a new release at once, and load no asset twice."""
    _, headers, html = get(trusted_relay, "/en/")
    (stylesheet,) = re.findall(r'href="(/assets/style[^"]+)"', html)
    _, asset, _ = get(trusted_relay, stylesheet)

    assert headers["cache-control"] == "no-cache"
    assert asset["cache-control"] == "public, max-age=31536000, immutable"
    assert get(trusted_relay, "/en/", If_None_Match=headers["etag"])[0] == 304


def test_the_old_name_of_the_picture_redirects(trusted_relay: Relay) -> None:
    """Links to the PNG file of older relays still work."""
    status, headers, _ = get(trusted_relay, "/qr-chatmail-invite-chat.example.org.png")

    assert status == 301
    assert urlsplit(headers["location"]).path == "/qr-chatmail-invite-chat.example.org.svg"


def test_pages_are_compressed(trusted_relay: Relay) -> None:
    """If the client accepts gzip."""
    connection = http.client.HTTPConnection(urlsplit(trusted_relay.url).netloc, timeout=DEADLINE_S)
    connection.request("GET", "/ru/privacy.html", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.read()) < 6000
    connection.close()
