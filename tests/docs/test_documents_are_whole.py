"""Links, anchors and images of the documents lead somewhere, and the book has every page."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

CHECKOUT = Path(__file__).parents[2]
DOCS = CHECKOUT / "docs"
SUMMARY = DOCS / "SUMMARY.md"
PAGES = sorted(DOCS.rglob("*.md"))
DOCUMENTS = PAGES + [
    file
    for folder in (".", ".github", "changelog.d", "pkgs/chatmail-lab")
    for file in sorted((CHECKOUT / folder).glob("*.md"))
]
FENCE = re.compile(r"(?ms)^( *)(```|~~~).*?^\1\2 *$")
CODE = re.compile(r"`[^`\n]*`")
# [text](target), ![text](target), <img src="target">, <source srcset="target">
LINK = re.compile(r"\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)|\b(?:src|srcset|href)=\"([^\"]*)\"")
PATH = re.compile(
    r"`((?:docs|images|modules|pkgs|scripts|templates|tests)/[a-z0-9_./{},*-]+)(?=[` ])"
)
HEADING = re.compile(r"(?m)^#+ (.*)$")


def _links(document: Path) -> set[str]:
    """The targets of a document that are files of this repository or anchors."""
    found = LINK.findall(CODE.sub("code", FENCE.sub("", document.read_text())))
    targets = {markdown or html for markdown, html in found}
    return {target for target in targets if not re.match(r"[a-z]+:", target)}


def _anchors(document: Path) -> Iterator[str]:
    """As GitHub and mdBook make them of headings; these must not differ."""
    seen: dict[str, int] = {}
    for title in HEADING.findall(FENCE.sub("", document.read_text())):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = seen.get(anchor, 0)
        seen[anchor] = number + 1
        yield f"{anchor}-{number}" if number else anchor


def _expanded(pattern: str) -> list[str]:
    """`a/{b,c}.py` as a shell reads it."""
    braces = re.search(r"\{([^{}]*)\}", pattern)
    if braces is None:
        return [pattern]
    before, after = pattern[: braces.start()], pattern[braces.end() :]
    return [path for word in braces[1].split(",") for path in _expanded(f"{before}{word}{after}")]


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"])
def test_paths_in_the_text_are_there(name: str) -> None:
    """`pkgs/a/{b,c}.py` and `tests/*/d`; one in capitals stands for a name."""
    named = PATH.findall((CHECKOUT / name).read_text())
    paths = {path for pattern in named for path in _expanded(pattern)}

    assert {path for path in paths if not list(CHECKOUT.glob(path))} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_links_lead_somewhere(document: Path) -> None:
    """To a file, and where an anchor is given to a heading of it."""
    wrong = set()
    for link in _links(document):
        path, _, anchor = unquote(link).partition("#")
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            wrong.add(link)

    assert wrong == set()


def test_the_book_has_every_page() -> None:
    """And no page that is not there, or there twice."""
    pages = sorted(str(file.relative_to(DOCS)) for file in PAGES if file != SUMMARY)

    assert sorted(re.findall(r"\]\(([^)]*)\)", SUMMARY.read_text())) == pages


def test_every_picture_is_shown() -> None:
    """What no document shows is not kept."""
    shown = {
        (document.parent / link).resolve() for document in DOCUMENTS for link in _links(document)
    }

    assert {file for file in (DOCS / "images").iterdir() if file.resolve() not in shown} == set()


def test_links_leave_the_book_by_its_preprocessor() -> None:
    """It knows links of one form: `](../FILE)`, and from a folder `](../../FILE)`."""
    wrong = {
        (document.name, link)
        for document in PAGES
        for link in _links(document)
        if not (document.parent / unquote(link.partition("#")[0])).resolve().is_relative_to(DOCS)
        and not re.match(rf"{re.escape(_way_out(document))}[^.]", link)
    }

    assert wrong == set()


def test_the_preprocessor_rewrites_links_that_leave_the_book() -> None:
    """Of pages in docs and in its folders, and no others."""
    chapters = [
        {"Chapter": {"path": path, "content": content, "sub_items": []}}
        for path, content in (
            ("a.md", "[x](../flake.nix) [y](b.md) [z](f/c.md)"),
            ("f/c.md", "[x](../../flake.nix) [y](../b.md)"),
        )
    ]
    context = {"config": {"output": {"html": {"git-repository-url": "https://example.org/r"}}}}
    done = subprocess.run(
        [sys.executable, CHECKOUT / "scripts/lib/book_links.py"],
        input=json.dumps([context, {"sections": chapters}]),
        capture_output=True,
        text=True,
        check=True,
    )

    given = [item["Chapter"]["content"] for item in json.loads(done.stdout)["sections"]]
    site = "https://example.org/r/blob/main/flake.nix"
    assert given == [f"[x]({site}) [y](b.md) [z](f/c.md)", f"[x]({site}) [y](../b.md)"]


def _way_out(document: Path) -> str:
    return "../" * len(document.relative_to(DOCS).parts)
