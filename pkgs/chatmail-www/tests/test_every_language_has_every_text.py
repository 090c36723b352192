"""The build fails for a missing, superfluous or invalid text, and names it."""

import shutil
from pathlib import Path

import pytest

from chatmail_www.errors import TextError
from chatmail_www.site import TEXTS_DIR
from chatmail_www.wording.facts import PLACEHOLDERS
from chatmail_www.wording.languages import PLURAL_RULES
from chatmail_www.wording.texts import load_texts, placeholders_of


@pytest.fixture
def texts_dir(tmp_path: Path) -> Path:
    """A copy of the texts, for changes."""
    return Path(shutil.copytree(TEXTS_DIR, tmp_path / "texts"))


def test_the_ten_languages_are_there() -> None:
    """Ten languages have a file and a grammar."""
    expected = {"de", "en", "es", "fr", "it", "nl", "pl", "pt", "ru", "uk"}

    assert expected == {path.stem for path in TEXTS_DIR.glob("*.toml")}
    assert expected == set(PLURAL_RULES)


def test_a_missing_text_is_named(texts_dir: Path) -> None:
    """The error names the file and the key."""
    path = texts_dir / "pl.toml"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))

    with pytest.raises(TextError, match=r"pl\.toml: missing missing\.home$"):
        load_texts(texts_dir, None, PLACEHOLDERS)


def test_a_superfluous_text_is_named(texts_dir: Path) -> None:
    """The error names the file and the key."""
    path = texts_dir / "ru.toml"
    path.write_text(path.read_text() + 'extra = "x"\n')

    with pytest.raises(TextError, match=r"ru\.toml: superfluous missing\.extra$"):
        load_texts(texts_dir, None, PLACEHOLDERS)


def test_a_missing_language_is_named(texts_dir: Path) -> None:
    """The error names the file."""
    (texts_dir / "uk.toml").unlink()

    with pytest.raises(TextError, match=r"uk\.toml: No such file"):
        load_texts(texts_dir, None, PLACEHOLDERS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"for {years}"', "unknown placeholder years"),
        ('"an open {brace"', "home.title: "),
        ('""', "home.title must be a text"),
        ("7", "home.title must be a text"),
    ],
)
def test_an_invalid_text_is_named(texts_dir: Path, text: str, message: str) -> None:
    """A text that cannot be rendered fails the build."""
    path = texts_dir / "it.toml"
    lines = path.read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("title ="))
    path.write_text("\n".join([*lines[:place], f"title = {text}", *lines[place + 1 :]]))

    with pytest.raises(TextError, match=message):
        load_texts(texts_dir, None, PLACEHOLDERS)


def test_every_language_has_the_same_placeholders() -> None:
    """A translation has all figures of the English text, and no others."""
    languages = {texts.code: texts for texts in load_texts(TEXTS_DIR, None, PLACEHOLDERS)}
    english = languages["en"].table
    for texts in languages.values():
        different = {
            key
            for key, text in texts.table.items()
            if placeholders_of(text) != placeholders_of(english[key])
        }

        assert set() == different, texts.code


def test_no_text_was_left_in_english() -> None:
    """In every other language, sentences differ from the English ones."""
    languages = {texts.code: texts for texts in load_texts(TEXTS_DIR, None, PLACEHOLDERS)}
    english = languages.pop("en").table
    for texts in languages.values():
        same = {key for key, text in texts.table.items() if text == english[key] and " " in text}

        assert {key for key in same if not key.startswith("units.")} == set(), texts.code
