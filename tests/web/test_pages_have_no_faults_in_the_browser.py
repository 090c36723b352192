"""Pages have no faults in any language, on phones and desktops, light and dark."""

import pytest
from chatmail_www.pages import PAGES
from chatmail_www.wording.languages import PLURAL_RULES
from webtest.browser import LOOKS, Browser, Look
from webtest.relay import Relay

HOME = "index.html"
OTHERS = [page.file for page in PAGES if page.file != HOME]
# each colour scheme and each width once
TWO_LOOKS = [look for look in LOOKS if look.name in {"desktop-light", "phone-dark"}]


@pytest.mark.parametrize("language", sorted(PLURAL_RULES))
def test_the_home_page_has_no_faults(
    browser: Browser, trusted_relay: Relay, language: str, look: Look
) -> None:
    """On every screen."""
    assert faults(browser, trusted_relay, f"{language}/{HOME}", look) == {}


@pytest.mark.parametrize("language", sorted(PLURAL_RULES))
@pytest.mark.parametrize("seen", TWO_LOOKS, ids=lambda look: look.name)
def test_other_pages_have_no_faults(
    browser: Browser, trusted_relay: Relay, language: str, seen: Look
) -> None:
    """On two screens, which cover both widths and both colour schemes."""
    found = {file: faults(browser, trusted_relay, f"{language}/{file}", seen) for file in OTHERS}

    assert {file: wrong for file, wrong in found.items() if wrong} == {}


def faults(browser: Browser, relay: Relay, path: str, look: Look) -> dict[str, object]:
    """Faults of a page by console, network, axe-core and width; saves a picture of it."""
    browser.look(look)
    url = f"{relay.url}/{path}"
    browser.open(url)
    found = {
        "console": browser.complaints(),
        "foreign requests": browser.foreign_requests(url),
        "barriers": browser.barriers(),
        "too wide": browser.overflow_px(),
    }
    browser.picture(f"{path.removesuffix('.html')}-{look.name}")
    return {name: fault for name, fault in found.items() if fault}


def test_no_cookie_is_set(browser: Browser, trusted_relay: Relay) -> None:
    """And nothing is stored in the browser."""
    browser.open(f"{trusted_relay.url}/en/")

    assert browser.driver.get_cookies() == []
    assert browser.run("return localStorage.length + sessionStorage.length") == 0


def test_the_keyboard_reaches_everything(browser: Browser, trusted_relay: Relay) -> None:
    """Tab selects the skip link first, then every link and field."""
    browser.open(f"{trusted_relay.url}/en/")
    links = browser.run("return document.querySelectorAll('a, button, input').length")
    reached = []
    for _ in range(links):
        browser.command(
            "Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9
        )
        reached.append(
            browser.run("""
            const e = document.activeElement, box = e.getBoundingClientRect();
            return [e.outerHTML, box.width > 0 && box.height > 0 && box.bottom > 0]""")
        )

    assert 'class="skip"' in reached[0][0]
    assert all(visible for _, visible in reached[1:])
    assert len({html for html, _ in reached}) == links


@pytest.mark.parametrize("path", ["/en/", "/en/privacy.html"])
def test_the_language_switch_leads_to_the_same_page(
    browser: Browser, trusted_relay: Relay, path: str
) -> None:
    """With one click on the name of the language."""
    browser.look(LOOKS[2])
    browser.open(f"{trusted_relay.url}{path}")
    browser.follow(".languages [lang=uk]")

    assert browser.driver.current_url == f"{trusted_relay.url}{path.replace('/en/', '/uk/')}"
    assert browser.find("html").get_attribute("lang") == "uk"
