"""Every page in every language is valid HTML, and loads nothing from other hosts."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib
import pytest

from chatmail_www.site import Site
from chatmail_www.wording.languages import PLURAL_RULES

LINKS_OUT = {"https://get.delta.chat/"}


@cache
def parsed(html: str) -> Element:
    """The parsed page; a syntax error raises."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    root: Element = parser.parse(html)
    return root


def pages(site: Site) -> Iterator[tuple[str, Element]]:
    """Path and parsed HTML of all pages."""
    for path, content in site.items():
        if path.endswith(".html"):
            yield path, parsed(content)


@pytest.fixture(params=["trusted", "self-signed", "invitations"])
def any_site(
    request: pytest.FixtureRequest, described: dict[str, Any], build: Callable[[], Site]
) -> Site:
    """The sites of relays with different home pages."""
    described["tls"]["trusted"] = request.param != "self-signed"
    described["pages"]["showInvite"] = request.param != "invitations"
    return build()


def test_pages_are_well_formed_and_have_their_language(any_site: Site) -> None:
    """They have no parse error, the right `lang` and one heading."""
    for path, page in pages(any_site):
        assert path.split("/")[0] == page.get("lang")
        assert len(page.findall(".//h1")) == 1, path


def test_every_language_has_the_same_pages(any_site: Site) -> None:
    """And all of the usual ones."""
    by_language = {
        code: {path[3:] for path in any_site if path.startswith(f"{code}/")}
        for code in PLURAL_RULES
    }

    assert len({frozenset(names) for names in by_language.values()}) == 1
    assert {"index.html", "info.html", "privacy.html", "delete.html", "404.html"} <= by_language[
        "de"
    ]


def test_no_link_inside_the_site_is_broken(any_site: Site) -> None:
    """Files, folders and anchors exist. Paths of chatmaild are not checked."""
    for path, page in pages(any_site):
        anchors = {element.get("id") for element in page.iter()}
        for name, value in references(page):
            url = urlsplit(value)
            if url.scheme or url.netloc or value in {"/new", "/account/delete"}:
                continue
            if value.startswith("#"):
                assert value[1:] in anchors, (path, value)
                continue
            target = value.lstrip("/")
            assert target in any_site or f"{target}index.html" in any_site, (path, name, value)


def test_nothing_is_loaded_from_other_hosts(any_site: Site) -> None:
    """Links may lead to other hosts."""
    for path, page in pages(any_site):
        for name, value in references(page):
            if urlsplit(value).scheme in {"", "dcaccount", "mailto"}:
                continue
            own = value.startswith("https://chat.example.org/")
            assert own or (name == "a.href" and value in LINKS_OUT), (path, name, value)
    for path, content in any_site.items():
        if path.endswith((".css", ".js", ".svg")):
            foreign = set(re.findall(r"https?://[^\s\"')<]+", content))
            assert foreign <= {"http://www.w3.org/2000/svg", "https://chat.example.org/new"}, path


def test_pages_have_no_inline_scripts_and_styles(any_site: Site) -> None:
    """The Content-Security-Policy forbids both."""
    for path, page in pages(any_site):
        for element in page.iter():
            assert element.tag != "style", path
            assert element.tag != "script" or (element.get("src") and not element.text), path
            handlers = {name for name in element.attrib if name == "style" or name[:2] == "on"}
            assert set() == handlers, path


def test_only_the_home_page_of_a_self_signed_relay_has_scripts(
    described: dict[str, Any], build: Callable[[], Site], site: Site
) -> None:
    """All other pages work without scripts."""
    described["tls"]["trusted"] = False
    own = build()

    assert [path for path, content in site.items() if "<script" in content] == []
    assert {f"{code}/index.html" for code in PLURAL_RULES} == {
        path for path, content in own.items() if "<script" in content
    }


def test_alternates_lead_to_all_languages(site: Site) -> None:
    """A page has `hreflang` links for all languages and the default, and a canonical URL."""
    page = parsed(site["nl/privacy.html"])
    links = {
        link.get("hreflang") or link.get("rel"): link.get("href") for link in page.iter("link")
    }

    assert links["canonical"] == "https://chat.example.org/nl/privacy.html"
    assert links["x-default"] == "https://chat.example.org/privacy.html"
    for code in PLURAL_RULES:
        assert f"https://chat.example.org/{code}/privacy.html" == links[code]


def test_pages_are_small(site: Site) -> None:
    """The home page with its assets has less than 45 kB before compression."""
    parts = [
        path for path in site if path.startswith(("assets/", "qr-")) or path == "ru/index.html"
    ]

    assert sum(len(site[path].encode()) for path in parts) < 45_000


def references(page: Any) -> Iterator[tuple[str, str]]:
    """The references of a page: (element.attribute, value)."""
    for element in page.iter():
        for attribute in ("href", "src", "action", "srcset", "data", "poster"):
            if attribute in element.attrib:
                yield f"{element.tag}.{attribute}", element.attrib[attribute]
