"""What chatmaild and chatmail-www know about settings is made from the options, and current.

`UPDATE_GOLDEN=1 pytest tests/nix` renews the files: look at the difference.
"""

import json
import os
import pathlib
from typing import Any

import pytest
from chatmail_lab.description.nix import evaluate_expression
from chatmail_lab.image.chroot import path_in_image
from nixtest.relay import CHECKOUT, Relay

CHATMAILD = CHECKOUT / "pkgs/chatmaild"
SCHEMA = CHATMAILD / "src/chatmaild/settings.schema.json"
TYPES = CHATMAILD / "src/chatmaild/settings_types.py"
# what unit tests take as a relay with default options
SAMPLES = {
    "settings": CHATMAILD / "tests/settings.json",
    "pages": CHECKOUT / "pkgs/chatmail-www/tests/pages.json",
}


@pytest.fixture(scope="module")
def made(root: pathlib.Path) -> dict[str, Any]:
    """The schema, and the types in Python."""
    maker = path_in_image(CHECKOUT / "modules/chatmail/schema.nix")
    answer: dict[str, Any] = json.loads(
        evaluate_expression(root, f"import {maker} {{ inherit lib; }}")
    )
    return answer


def _as_committed(file: pathlib.Path, text: str) -> bool:
    """Whether the file has this text; it gets the text where that is asked for."""
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text)
    return file.read_text() == text


def _text(schema: dict[str, Any], margin: str = "") -> str:
    """JSON with a line for each setting."""
    if "properties" not in schema:
        return json.dumps(schema)
    inner = margin + "  "
    lines = [f'{inner}"{key}": {_text(one, inner)}' for key, one in schema["properties"].items()]
    keys = ",\n".join(lines)
    rest = {key: value for key, value in schema.items() if key != "properties"}
    return f'{json.dumps(rest)[:-1]}, "properties": {{\n{keys}\n{margin}}}}}'


def test_the_schema_is_current(made: dict[str, Any]) -> None:
    """It has the ranges that `Settings.from_json` enforces."""
    assert _as_committed(SCHEMA, _text(made["schema"]) + "\n")


def test_the_types_are_current(made: dict[str, Any]) -> None:
    """They have the attributes that mypy knows."""
    assert _as_committed(TYPES, made["python"])


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_current(default: Relay, name: str) -> None:
    """Unit tests run with what a relay gets by default, DNS records aside."""
    described = getattr(default, name)
    sample = {key: value for key, value in described.items() if key != "dns"}

    assert _as_committed(SAMPLES[name], json.dumps(sample, indent=4, sort_keys=True) + "\n")


def test_a_described_relay_is_accepted(default: Relay) -> None:
    """With its DNS records, and with what its pages are built from."""
    from chatmaild.settings import Settings  # made by the tests above where it is missing

    assert len(default.zone) == len(Settings.from_json(default.settings).dns)
    assert Settings.from_json(default.pages).pages is not None
