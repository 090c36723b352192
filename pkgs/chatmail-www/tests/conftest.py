"""Fixtures: the settings of a relay, and the site built from them."""

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
    """The settings of a relay with default options and another notification server."""
    document: dict[str, Any] = json.loads(Path(__file__).with_name("pages.json").read_text())
    document["push"]["notifierUrl"] = "https://notifier.example/notify"
    return document


@pytest.fixture
def build(described: dict[str, Any]) -> Callable[[], Site]:
    """A function that builds the site from the current content of `described`."""

    def build() -> Site:
        pages = described["pages"]
        if pages["textsDir"] or pages["pagesDir"]:  # these files may change between two calls
            return build_site(Settings.from_json(described))
        return _built(json.dumps(described, sort_keys=True))

    return build


@functools.cache
def _built(described: str) -> Site:
    """The site of these settings as JSON; a build takes 0.1 s, and most tests use the same."""
    return build_site(Settings.from_json(json.loads(described)))


@pytest.fixture
def site(build: Callable[[], Site]) -> Site:
    """The site of a relay with default options."""
    return build()
