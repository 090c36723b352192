"""Operators change texts, pages and colours; invalid ones fail the build with the reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chatmaild.errors import SettingsError

from chatmail_www.errors import TextError
from chatmail_www.site import Site

Build = Callable[[], Site]


@pytest.fixture
def own_texts(described: dict[str, Any], tmp_path: Path) -> Path:
    """The folder of replaced texts."""
    described["pages"]["textsDir"] = str(tmp_path)
    return tmp_path


@pytest.fixture
def own_pages(described: dict[str, Any], tmp_path: Path) -> Path:
    """The folder of extra pages."""
    described["pages"]["pagesDir"] = str(tmp_path)
    return tmp_path


def test_one_text_is_replaced_in_one_language(own_texts: Path, build: Build, site: Site) -> None:
    """All other texts stay."""
    (own_texts / "de.toml").write_text('[home]\ntitle = "Hallo <Welt> auf {domain}"\n')
    built = build()

    assert "Hallo &lt;Welt&gt; auf chat.example.org" in built["de/index.html"]
    assert site["en/index.html"] == built["en/index.html"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("de.toml", '[home]\ntitel = "Hallo"\n', r"de\.toml: superfluous home\.titel"),
        ("xx.toml", '[home]\ntitle = "x"\n', r"xx\.toml: unknown language"),
        ("de.toml", '[home]\ntitle = "{user}"\n', "unknown placeholder user"),
        ("de.toml", '[units]\ndays = ["{n} Tage"]\n', r"units\.days needs 2 forms"),
        ("de.toml", "[home\n", r"de\.toml: "),
        ("de.toml", 'title = "x"\n', r"outside of a \[section\]"),
    ],
)
def test_an_invalid_text_fails(
    own_texts: Path, build: Build, name: str, content: str, message: str
) -> None:
    """The error names the file or the key."""
    (own_texts / name).write_text(content)

    with pytest.raises(TextError, match=message):
        build()


def test_a_page_is_added_to_every_language(own_pages: Path, build: Build) -> None:
    """German has its own file, all others the general one; the menu links to the page."""
    (own_pages / "imprint.html").write_text("<h1>Imprint &amp; more</h1><p>Ada</p>")
    (own_pages / "imprint.de.html").write_text("<h1>Impressum</h1><p>Ada</p>")
    built = build()

    assert "<title>Impressum \u2013 chat.example.org</title>" in built["de/imprint.html"]
    assert "<p>Ada</p>" in built["uk/imprint.html"]
    assert '<a href="/uk/imprint.html">Imprint &amp; more</a>' in built["uk/index.html"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("privacy.html", "<h1>x</h1>", "privacy is a page of the relay"),
        ("Imprint.html", "<h1>x</h1>", "must be named NAME.html"),
        ("imprint.txt", "x", "must be named NAME.html"),
        ("imprint.xx.html", "<h1>x</h1>", "unknown language"),
        ("imprint.de.html", "<h1>x</h1>", r"imprint\.html or imprint\.en\.html is missing"),
        ("imprint.html", "<p>x</p>", "has no <h1>"),
    ],
)
def test_an_invalid_page_fails(
    own_pages: Path, build: Build, name: str, content: str, message: str
) -> None:
    """The error names the page and what to change."""
    (own_pages / name).write_text(content)

    with pytest.raises(TextError, match=message):
        build()


@pytest.mark.parametrize("key", ["textsDir", "pagesDir"])
def test_a_missing_folder_fails(described: dict[str, Any], build: Build, key: str) -> None:
    """A misspelled path is an error."""
    described["pages"][key] = "/nonexistent"

    with pytest.raises(TextError, match="/nonexistent: not a directory"):
        build()


def stylesheet(site: Site) -> str:
    """The CSS of a site."""
    (path,) = [path for path in site if path.endswith(".css")]
    return site[path]


def test_colours_are_replaced(described: dict[str, Any], build: Build) -> None:
    """Light colours by name, dark colours by `dark-` and name."""
    described["pages"]["theme"] = {"accent": "#0a6b4f", "dark-accent": "#7fe3c0"}
    css = stylesheet(build())

    assert ":root{--accent:#0a6b4f;}" in css
    assert "@media (prefers-color-scheme:dark){:root{--accent:#7fe3c0;}}" in css


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("acent", "#000", r"web\.theme\.acent: unknown; known are accent,"),
        ("accent", "red;}body{display:none", r"pages\.theme\.accent: must be a plain CSS value"),
        ("paper", "url(https://example.org/x)", r"pages\.theme\.paper: must be a plain CSS value"),
        ("paper", "url(x)", "must be a plain CSS value, without url"),
    ],
)
def test_an_invalid_colour_fails(
    described: dict[str, Any], build: Build, name: str, value: str, message: str
) -> None:
    """An unknown name, and a value that ends its declaration or loads a file."""
    described["pages"]["theme"] = {name: value}

    with pytest.raises((SettingsError, TextError), match=message):
        build()


def test_a_changed_asset_has_a_new_name(
    described: dict[str, Any], build: Build, site: Site
) -> None:
    """So that browsers do not show the old one."""
    described["pages"]["theme"] = {"accent": "#0a6b4f"}

    assert {path for path in site if path.endswith(".css")}.isdisjoint(build())


def test_an_invitation_only_relay_offers_no_address(
    described: dict[str, Any], build: Build
) -> None:
    """The home page has neither button nor code, and says why."""
    described["pages"]["showInvite"] = False
    home = build()["en/index.html"]

    assert "DCACCOUNT" not in home
    assert "by invitation" in home
