"""The nouns of the tests: what the description says about a relay, and the site built from it."""

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
    """Builds the site of `described` as it is by then."""
    return lambda: build_site(Settings.from_json(described))


@pytest.fixture
def site(build: Callable[[], Site]) -> Site:
    """The files of a relay with default options."""
    return build()
