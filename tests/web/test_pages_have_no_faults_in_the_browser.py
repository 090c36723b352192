"""Every page in every language, on phones and desktops, in the light and the dark."""

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
def test_nothing_is_wrong_with_the_home_page(
    browser: Browser, trusted_relay: Relay, language: str, look: Look
) -> None:
    """On phones and desktops, in the light and the dark."""
    assert faults(browser, trusted_relay, f"{language}/{HOME}", look) == {}


@pytest.mark.parametrize("language", sorted(PLURAL_RULES))
@pytest.mark.parametrize("seen", TWO_LOOKS, ids=lambda look: look.name)
def test_nothing_is_wrong_with_any_other_page(
    browser: Browser, trusted_relay: Relay, language: str, seen: Look
) -> None:
    """Both widths, both colour schemes."""
    found = {file: faults(browser, trusted_relay, f"{language}/{file}", seen) for file in OTHERS}

    assert {file: wrong for file, wrong in found.items() if wrong} == {}


def faults(browser: Browser, relay: Relay, path: str, look: Look) -> dict[str, object]:
    """What console, network, axe-core and width have against a page, of which a picture is kept."""
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
    """Nor anything else stored in the browser."""
    browser.open(f"{trusted_relay.url}/en/")

    assert browser.driver.get_cookies() == []
    assert browser.run("return localStorage.length + sessionStorage.length") == 0


def test_the_keyboard_reaches_everything(browser: Browser, trusted_relay: Relay) -> None:
    """Tab goes to the skip link first; it leads to the content."""
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
    """One click, in the language's own name."""
    browser.look(LOOKS[2])
    browser.open(f"{trusted_relay.url}{path}")
    browser.find(".languages [lang=uk]").click()

    assert browser.driver.current_url == f"{trusted_relay.url}{path.replace('/en/', '/uk/')}"
    assert browser.find("html").get_attribute("lang") == "uk"
