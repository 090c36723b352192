"""The nouns of the tests of the web pages: relays, a browser, and the ways to look at a page."""

import shutil
from collections.abc import Iterator

import pytest
from webtest.browser import AXE, LOOKS, Browser, Look, chromium
from webtest.relay import Relay, running_relay

TOOLS = ("chromium", "chromedriver", "nix-instantiate", "/usr/sbin/nginx")
# the tests ask for more addresses than a person would, on a machine that may be busy
PATIENT = {
    "registration": {
        "perIpBurst": 1000,
        "maxLoad": 1000,
        "minFreeMemoryMegabytes": 0,
        "minFreeDiskMegabytes": 0,
    }
}


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """Everything that `tests/web/install-tools` installs."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    missing += [] if AXE.is_file() else ["axe-core"]
    if missing:
        pytest.exit(f"missing: {', '.join(missing)}. Run `tests/web/install-tools`.", 1)


@pytest.fixture(scope="session")
def trusted_relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """A relay with a certificate that browsers trust, and an operator who gave contacts."""
    values = {
        "enable": True,
        "domain": "chat.example.org",
        "web": {"contact": {"mail": "privacy@example.org", "postal": "Ada Lovelace, London"}},
        **PATIENT,
    }
    with running_relay(tmp_path_factory.mktemp("trusted"), values) as relay:
        yield relay


@pytest.fixture(scope="session")
def own_relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """A relay with a self-signed certificate."""
    values = {"enable": True, "domain": "_chat.test", **PATIENT}
    with running_relay(tmp_path_factory.mktemp("own"), values) as relay:
        yield relay


@pytest.fixture(scope="session")
def session_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser of all tests."""
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(session_browser: Browser) -> Browser:
    """A browser on a light desktop, with scripts, that prefers English."""
    session_browser.look(LOOKS[0])
    session_browser.scripts(enabled=True)
    session_browser.prefer("en")
    return session_browser


@pytest.fixture(params=LOOKS, ids=lambda look: look.name)
def look(request: pytest.FixtureRequest) -> Look:
    """Phone and desktop, in the light and the dark."""
    chosen: Look = request.param
    return chosen
