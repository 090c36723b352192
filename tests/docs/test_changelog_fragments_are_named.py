"""changelog.d has fragments that `scripts/release` finds, and CHANGELOG.md the place for them."""

import re
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
FRAGMENTS = CHECKOUT / "changelog.d"
CONFIG = tomllib.loads((CHECKOUT / "towncrier.toml").read_text())["tool"]["towncrier"]


def test_names_have_a_type() -> None:
    """`117.fixed.md` or `+words.added.md`; anything else would be left behind."""
    types = "|".join(kind["directory"] for kind in CONFIG["type"])
    name = re.compile(rf"(\d+|\+[a-z0-9-]+)\.({types})\.md")
    files = {file.name for file in FRAGMENTS.iterdir()} - {"README.md", ".gitignore"}

    assert {file for file in files if not name.fullmatch(file)} == set()


def test_fragments_say_something() -> None:
    """One or two sentences, without a heading or a list."""
    texts = {file.name: file.read_text().strip() for file in FRAGMENTS.glob("*.*.md")}

    assert {name for name, text in texts.items() if not text or text[0] in "#*-"} == set()


def test_the_changelog_has_their_place() -> None:
    """Above the newest release."""
    before, mark, after = (
        (CHECKOUT / CONFIG["filename"])
        .read_text()
        .partition("<!-- towncrier release notes start -->")
    )

    assert mark
    assert "## " not in before
    assert "## " in after
