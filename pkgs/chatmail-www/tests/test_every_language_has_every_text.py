"""A text that one language lacks, or has alone, fails the build and is named."""

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
    """A copy of the texts that may be spoilt."""
    return Path(shutil.copytree(TEXTS_DIR, tmp_path / "texts"))


def test_the_ten_languages_are_there() -> None:
    """Every language with a file has a grammar, and the other way round."""
    expected = {"de", "en", "es", "fr", "it", "nl", "pl", "pt", "ru", "uk"}

    assert expected == {path.stem for path in TEXTS_DIR.glob("*.toml")}
    assert expected == set(PLURAL_RULES)


def test_a_missing_text_is_named(texts_dir: Path) -> None:
    """The error tells the file and the key."""
    path = texts_dir / "pl.toml"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))

    with pytest.raises(TextError, match=r"pl\.toml: missing missing\.home$"):
        load_texts(texts_dir, None, PLACEHOLDERS)


def test_a_superfluous_text_is_named(texts_dir: Path) -> None:
    """The error tells the file and the key."""
    path = texts_dir / "ru.toml"
    path.write_text(path.read_text() + 'extra = "x"\n')

    with pytest.raises(TextError, match=r"ru\.toml: superfluous missing\.extra$"):
        load_texts(texts_dir, None, PLACEHOLDERS)


def test_a_missing_language_is_named(texts_dir: Path) -> None:
    """A file cannot be forgotten."""
    (texts_dir / "uk.toml").unlink()

    with pytest.raises(TextError, match=r"uk\.toml: No such file"):
        load_texts(texts_dir, None, PLACEHOLDERS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"for {years}"', "unknown placeholder years"),
        ('"an open {brace"', "home.title: "),
        ('""', "home.title must be a text"),
        ("7", "home.title must be a text"),
    ],
)
def test_an_unusable_text_is_named(texts_dir: Path, text: str, said: str) -> None:
    """A text that could not be shown fails the build."""
    path = texts_dir / "it.toml"
    lines = path.read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("title ="))
    path.write_text("\n".join([*lines[:place], f"title = {text}", *lines[place + 1 :]]))

    with pytest.raises(TextError, match=said):
        load_texts(texts_dir, None, PLACEHOLDERS)


def test_every_language_tells_the_same_figures() -> None:
    """A translation neither loses nor adds a number."""
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
    """Sentences differ from the English ones in every other language."""
    languages = {texts.code: texts for texts in load_texts(TEXTS_DIR, None, PLACEHOLDERS)}
    english = languages.pop("en").table
    for texts in languages.values():
        same = {key for key, text in texts.table.items() if text == english[key] and " " in text}

        assert {key for key in same if not key.startswith("units.")} == set(), texts.code
