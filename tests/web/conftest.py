"""Fixtures: relays, a browser, and its screen sizes and colour schemes."""

import shutil
from collections.abc import Iterator

import pytest
from webtest.browser import AXE, LOOKS, Browser, Look, chromium
from webtest.relay import Relay, running_relay

TOOLS = ("chromium", "chromedriver", "nix-instantiate", "/usr/sbin/nginx")
# the tests create many accounts, on a machine with a high load
UNLIMITED = {
    "registration": {
        "perIpBurst": 1000,
        "maxLoad": 1000,
        "minFreeMemoryMegabytes": 0,
        "minFreeDiskMegabytes": 0,
    }
}


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """Stop if a program of `tests/web/install-tools` is missing."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    missing += [] if AXE.is_file() else ["axe-core"]
    if missing:
        pytest.exit(f"not installed: {', '.join(missing)}. Run `tests/web/install-tools`.", 1)


@pytest.fixture(scope="session")
def trusted_relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """A relay with a certificate that browsers trust, and with contacts."""
    values = {
        "enable": True,
        "domain": "chat.example.org",
        "web": {"contact": {"mail": "privacy@example.org", "postal": "Ada Lovelace, London"}},
        **UNLIMITED,
    }
    with running_relay(tmp_path_factory.mktemp("trusted"), values) as relay:
        yield relay


@pytest.fixture(scope="session")
def self_signed_relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """A relay with a self-signed certificate."""
    values = {"enable": True, "domain": "_chat.test", **UNLIMITED}
    with running_relay(tmp_path_factory.mktemp("self-signed"), values) as relay:
        yield relay


@pytest.fixture(scope="session")
def session_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests."""
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(session_browser: Browser) -> Browser:
    """The browser with a light desktop screen, with scripts, in English."""
    session_browser.look(LOOKS[0])
    session_browser.scripts(enabled=True)
    session_browser.prefer("en")
    return session_browser


@pytest.fixture(params=LOOKS, ids=lambda look: look.name)
def look(request: pytest.FixtureRequest) -> Look:
    """Phone and desktop, light and dark."""
    chosen: Look = request.param
    return chosen
