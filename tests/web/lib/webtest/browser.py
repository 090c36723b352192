"""A headless Chromium that shows pages as phones and desktops do, and collects their errors."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.wait import WebDriverWait

from webtest.relay import CHECKOUT
from webtest.waiting import DEADLINE_S

AXE = CHECKOUT / ".cache" / "web" / "node_modules" / "axe-core" / "axe.min.js"
ARTEFACTS = CHECKOUT / "artefacts" / "web"
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
AXE_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
RUN_AXE = """
const [rules, done] = arguments;
axe.run(document, {runOnly: rules, resultTypes: ["violations", "incomplete"]})
  .then((found) => done(found.violations), (error) => done([{id: String(error), nodes: []}]));
"""

BOX = """
const box = document.querySelector(arguments[0]).getBoundingClientRect();
return {x: box.x + scrollX, y: box.y + scrollY, width: box.width, height: box.height};
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A screen and its colour scheme; sizes in CSS pixels."""

    name: str
    width: int
    height: int
    dark: bool

    @property
    def phone(self) -> bool:
        """Whether it is the screen of a phone."""
        return self.width < 600


LOOKS = (
    Look(name="desktop-light", width=1280, height=900, dark=False),
    Look(name="desktop-dark", width=1280, height=900, dark=True),
    Look(name="phone-light", width=360, height=740, dark=False),
    Look(name="phone-dark", width=360, height=740, dark=True),
)


class Browser:
    """One Chromium; `open` clears its logs."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def command(self, name: str, **parameters: Any) -> Any:
        """Run a command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def look(self, look: Look) -> None:
        """Show the next pages with this screen and colour scheme."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=look.width,
            height=look.height,
            deviceScaleFactor=2 if look.phone else 1,
            mobile=look.phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if look.dark else "light"}
        self.command("Emulation.setEmulatedMedia", features=[scheme])

    def scripts(self, *, enabled: bool) -> None:
        """Allow or forbid scripts in the next pages."""
        self.command("Emulation.setScriptExecutionDisabled", value=not enabled)

    def prefer(self, languages: str) -> None:
        """Send this Accept-Language."""
        self.command("Network.enable")
        self.command("Network.setExtraHTTPHeaders", headers={"Accept-Language": languages})

    def open(self, url: str) -> None:
        """Clear the logs and load a page."""
        for log in ("browser", "performance"):
            self.driver.get_log(log)  # type: ignore[no-untyped-call]
        self.driver.get(url)

    def find(self, selector: str) -> WebElement:
        """The first element that matches a CSS selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def follow(self, selector: str) -> None:
        """Click on a link or button, and wait until its page has gone.

        Chromium may answer the click before it starts to load the next page.
        """
        element = self.find(selector)
        element.click()
        WebDriverWait(self.driver, DEADLINE_S).until(staleness_of(element))

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a script."""
        return self.driver.execute_script(script, *arguments)

    def complaints(self) -> list[str]:
        """Messages on the console since the page was opened."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [f"{entry['level']}: {entry['message']}" for entry in entries]

    def requests(self) -> list[str]:
        """The URLs requested since the page was opened."""
        entries = self.driver.get_log("performance")  # type: ignore[no-untyped-call]
        events = [json.loads(entry["message"])["message"] for entry in entries]
        sent = [event for event in events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def foreign_requests(self, url: str) -> list[str]:
        """The requests to other origins than that of `url`."""
        origin = urlsplit(url)[:2]
        return [request for request in self.requests() if urlsplit(request)[:2] != origin]

    def barriers(self) -> list[str]:
        """Violations that axe-core finds, one line per rule."""
        self.run(AXE.read_text(encoding="utf-8"))
        found = self.driver.execute_async_script(RUN_AXE, list(AXE_RULES))
        return [_told(violation) for violation in found]

    def overflow_px(self) -> int:
        """How much wider than the screen the page is."""
        script = "const e = document.documentElement; return e.scrollWidth - e.clientWidth"
        return int(self.run(script))

    def picture(self, name: str) -> Path:
        """Save a picture of the whole page in artefacts/web."""
        path = ARTEFACTS / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.picture_of("html"))
        return path

    def picture_of(self, selector: str) -> bytes:
        """A PNG picture of one element, also outside of the screen."""
        box = self.run(BOX, selector)
        shot = self.command(
            "Page.captureScreenshot", captureBeyondViewport=True, clip=box | {"scale": 1}
        )
        return base64.b64decode(shot["data"])


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A new browser until the end of the block."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        driver.set_page_load_timeout(DEADLINE_S)
        driver.set_script_timeout(DEADLINE_S)
        yield Browser(driver)
    finally:
        driver.quit()


def _told(violation: Mapping[str, Any]) -> str:
    places = [" ".join(map(str, node["target"])) for node in violation["nodes"]]
    return f"{violation['id']}: {violation.get('help', '')} at {'; '.join(places)}"
