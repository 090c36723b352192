"""What the description's nginx answers: the language of the browser, headers, unknown paths."""

import http.client
import re
from urllib.parse import urlsplit

import pytest
from webtest.relay import Relay


def get(relay: Relay, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers with lower-case names, and text of an answer."""
    connection = http.client.HTTPConnection(urlsplit(relay.url).netloc, timeout=10)
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
    """The language that a page says it is in."""
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
def test_the_first_language_that_is_known_wins(
    trusted_relay: Relay, path: str, wish: str, language: str
) -> None:
    """RFC 9110 section 12.5.4; English for everybody else."""
    status, headers, html = get(trusted_relay, path, Accept_Language=wish)

    assert status == 200
    assert language_of(html) == language
    assert "Accept-Language" in headers["vary"]
    assert headers["content-type"] == "text/html; charset=utf-8"


def test_a_path_with_a_language_is_that_language(trusted_relay: Relay) -> None:
    """Whatever the browser prefers."""
    for path in ("/it/", "/it", "/it/info.html"):
        status, _, html = get(trusted_relay, path, Accept_Language="de")

        assert (status, language_of(html)) == (200, "it")


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/en/nothing.html", "/assets/nothing.css", "/xx/", "/.git/config", "/..%2f..%2f"],
)
def test_an_unknown_path_is_said_to_be_unknown(trusted_relay: Relay, path: str) -> None:
    """With status 404, in the language of the browser."""
    status, _, html = get(trusted_relay, path, Accept_Language="nl")

    assert status in {400, 404}
    if status == 404 and not path.startswith("/assets/"):
        assert "Pagina niet gevonden" in html


def test_a_path_out_of_the_folder_gives_nothing(trusted_relay: Relay) -> None:
    """The folder of pages is all there is."""
    for path in ("/../settings.json", "/%2e%2e/settings.json", "/assets/../../settings.json"):
        status, _, text = get(trusted_relay, path)

        assert status in {400, 404}
        assert "retention" not in text


def test_no_page_may_do_what_it_does_not_need(trusted_relay: Relay, own_relay: Relay) -> None:
    """The policy is strict, also for errors; scripts exist where the certificate is self-signed."""
    for path in ("/", "/en/privacy.html", "/nothing", "/qr-chatmail-invite-chat.example.org.svg"):
        _, headers, _ = get(trusted_relay, path)
        policy = headers["content-security-policy"]

        assert policy.startswith("default-src 'none'; ")
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    _, headers, _ = get(own_relay, "/")

    assert "script-src 'self'; connect-src 'self'" in headers["content-security-policy"]


def test_assets_are_kept_and_pages_are_asked_for_again(trusted_relay: Relay) -> None:
    """A new release is seen at once, and an old one loads nothing twice."""
    _, headers, html = get(trusted_relay, "/en/")
    (stylesheet,) = re.findall(r'href="(/assets/style[^"]+)"', html)
    _, asset, _ = get(trusted_relay, stylesheet)

    assert headers["cache-control"] == "no-cache"
    assert asset["cache-control"] == "public, max-age=31536000, immutable"
    assert get(trusted_relay, "/en/", If_None_Match=headers["etag"])[0] == 304


def test_the_name_of_the_old_picture_leads_to_the_new_one(trusted_relay: Relay) -> None:
    """Links to the PNG file of older relays go on working."""
    status, headers, _ = get(trusted_relay, "/qr-chatmail-invite-chat.example.org.png")

    assert status == 301
    assert urlsplit(headers["location"]).path == "/qr-chatmail-invite-chat.example.org.svg"


def test_pages_travel_compressed(trusted_relay: Relay) -> None:
    """To whom can read it."""
    connection = http.client.HTTPConnection(urlsplit(trusted_relay.url).netloc, timeout=10)
    connection.request("GET", "/ru/privacy.html", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.read()) < 6000
    connection.close()
