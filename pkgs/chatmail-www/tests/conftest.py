"""The nouns of the tests: what the description says about a relay, and the site built from it."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatmail_www.settings import Settings
from chatmail_www.site import Site, build_site


@pytest.fixture
def described() -> dict[str, Any]:
    """The JSON document of a relay with default options, and a notification server of its own."""
    document: dict[str, Any] = json.loads(Path(__file__).with_name("pages.json").read_text())
    document["push"]["notifierUrl"] = "https://notifier.example/notify"
    return document


@pytest.fixture
def build(described: dict[str, Any]) -> Callable[[], Site]:
    """A function that builds the site of `described`, as it is when called."""

    def build() -> Site:
        pages = described["pages"]
        if pages["textsDir"] or pages["pagesDir"]:  # these files may change between two calls
            return build_site(Settings.from_json(described))
        return _built(json.dumps(described, sort_keys=True))

    return build


@functools.cache
def _built(described: str) -> Site:
    """Return the site of this JSON text; building it takes 0.1 s, and most tests use the same."""
    return build_site(Settings.from_json(json.loads(described)))


@pytest.fixture
def site(build: Callable[[], Site]) -> Site:
    """The files of a relay with default options."""
    return build()
