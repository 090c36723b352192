"""The command chatmail-www writes the site, and names the cause of an error."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chatmail_www.__main__ import main


def run(settings: Path, out: Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["--settings", str(settings), "--out", str(out)])


@pytest.fixture
def settings_file(described: dict[str, Any], tmp_path: Path) -> Path:
    """The settings as a file."""
    path = tmp_path / "pages.json"
    path.write_text(json.dumps(described))
    return path


def test_it_writes_the_site(settings_file: Path, tmp_path: Path) -> None:
    """A second run replaces the first, and removes old files."""
    out = tmp_path / "out"
    assert run(settings_file, out).exit_code == 0
    (out / "en" / "old.html").write_text("old")
    assert run(settings_file, out).exit_code == 0

    assert (out / "en" / "index.html").is_file()
    assert not (out / "en" / "old.html").exists()


def test_it_does_not_replace_other_folders(settings_file: Path, tmp_path: Path) -> None:
    """A wrong path deletes nothing."""
    out = tmp_path / "home"
    out.mkdir()
    (out / "thesis.txt").write_text("precious")
    result = run(settings_file, out)

    assert result.exit_code == 1
    assert "has other files" in result.stderr
    assert (out / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("domain",), "domain: missing"),
        (("retention", "deleteAfterDays"), "retention.deleteAfterDays: missing"),
        (("pages", "theme"), "pages.theme: missing"),
        (("contact", "mail"), "contact.mail: missing"),
    ],
)
def test_a_missing_key_is_named(
    described: dict[str, Any], tmp_path: Path, change: tuple[str, ...], message: str
) -> None:
    """In one line, with exit code 78."""
    *path, last = change
    section = described
    for name in path:
        section = section[name]
    del section[last]
    file = tmp_path / "pages.json"
    file.write_text(json.dumps(described))
    result = run(file, tmp_path / "out")

    assert result.exit_code == 78
    assert f"{file}: {message}\n" == result.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "not JSON"), ("[]", "settings: must be an object, not a list"), ("\udcff", "not JSON")],
)
def test_an_invalid_file_is_one_line(tmp_path: Path, content: str, message: str) -> None:
    """And not a traceback."""
    file = tmp_path / "pages.json"
    file.write_bytes(content.encode(errors="surrogateescape"))
    result = run(file, tmp_path / "out")

    assert result.exit_code == 78
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_boolean_is_not_a_number(described: dict[str, Any], tmp_path: Path) -> None:
    """Types are those of the options."""
    described["retention"]["deleteAfterDays"] = True
    file = tmp_path / "pages.json"
    file.write_text(json.dumps(described))
    result = run(file, tmp_path / "out")

    assert result.exit_code == 78
    message = "retention.deleteAfterDays: must be a whole number, not true or false"
    assert f"{file}: {message}\n" == result.stderr


def test_a_missing_option_is_a_usage_error() -> None:
    """With exit code 2."""
    assert CliRunner().invoke(main, []).exit_code == 2
