"""The home page of a self-signed relay creates an account and shows its link and QR code."""

from collections.abc import Iterator

import pytest
from webtest.browser import Browser, Look
from webtest.codes import Code, picture_of, picture_of_matrix, read_picture
from webtest.relay import Relay
from webtest.waiting import until

# capacity in bytes of versions 1 to 20, error correction M (ISO/IEC 18004 table 7)
CAPACITIES = (
    *(14, 26, 42, 62, 84, 106, 122, 152, 180, 213),
    *(251, 287, 331, 362, 412, 450, 504, 560, 624, 666),
)


@pytest.fixture
def closed_relay(self_signed_relay: Relay) -> Iterator[Relay]:
    """The relay while the creation of accounts is stopped."""
    self_signed_relay.close_registration()
    yield self_signed_relay
    if (self_signed_relay.directory / "nocreate").exists():
        self_signed_relay.open_registration()


def opened(browser: Browser, url: str, state: str) -> Browser:
    """Open the page, wait for its script, and check the state."""
    browser.open(url)
    until(lambda: not browser.find("#invite-waiting").is_displayed(), f"the reply on {url}")
    assert browser.find(f"#invite-{state}").is_displayed(), browser.find("main").text
    return browser


@pytest.mark.parametrize("language", ["de", "en", "uk"])
def test_link_and_code_are_a_new_account(
    browser: Browser, self_signed_relay: Relay, language: str, look: Look
) -> None:
    """Both are the same link; the code is readable, and the page has no other fault."""
    browser.look(look)
    page = opened(browser, f"{self_signed_relay.url}/{language}/", "ready")
    link = page.find("#invite-link").get_dom_attribute("href")
    code = read_picture(picture_of(page.picture_of("#invite-code svg")))

    assert link.startswith("dclogin:")
    assert "@_chat.test?p=" in link
    assert Code(text=link, level="M") == code
    assert page.find("#invite-code a").get_dom_attribute("href") == link
    assert page.complaints() == []
    assert page.foreign_requests(self_signed_relay.url) == []
    assert page.barriers() == []
    assert page.overflow_px() == 0
    page.picture(f"{language}/self-signed-{look.name}")


def test_every_visit_gets_a_new_account(browser: Browser, self_signed_relay: Relay) -> None:
    """No cache shows the account of another visitor."""
    links = set()
    for _ in range(3):
        opened(browser, f"{self_signed_relay.url}/en/", "ready")
        links.add(browser.find("#invite-link").get_dom_attribute("href"))

    assert len(links) == 3


def test_the_token_of_an_invitation_is_sent(browser: Browser, self_signed_relay: Relay) -> None:
    """The page of an invitation is `/?TOKEN`."""
    opened(browser, f"{self_signed_relay.url}/en/?Tok3n", "ready")

    assert f"{self_signed_relay.url}/new?Tok3n" in browser.requests()


def test_a_refusal_is_shown_with_its_reason(browser: Browser, closed_relay: Relay) -> None:
    """In the language of the browser, with a button to try again."""
    browser.prefer("de")
    page = opened(browser, f"{closed_relay.url}/de/", "failed")
    page.picture("de/self-signed-refused")

    assert "keine neuen Adressen" in page.find("#invite-reason").text
    assert page.barriers() == []

    closed_relay.open_registration()
    page.find("#invite-retry").click()

    until(page.find("#invite-ready").is_displayed, "the account after a second try")
    assert not page.find("#invite-failed").is_displayed()


def test_without_scripts_the_page_links_to_plain_text(
    browser: Browser, self_signed_relay: Relay
) -> None:
    """`/new` shows the account as text."""
    browser.scripts(enabled=False)
    browser.open(f"{self_signed_relay.url}/en/")
    browser.picture("en/self-signed-without-script")

    assert "Without JavaScript" in browser.find(".code").text
    assert browser.find(".code a").get_dom_attribute("href") == "/new"


@pytest.mark.parametrize("version", range(1, len(CAPACITIES) + 1))
def test_codes_of_every_size_are_readable(
    browser: Browser, self_signed_relay: Relay, version: int
) -> None:
    """A version holds its longest text; one byte more needs the next version."""
    browser.open(f"{self_signed_relay.url}/en/")
    capacity = CAPACITIES[version - 1]
    text = (
        ("dclogin:ä%40@_chat.test?p=~!&ic=3#" * 20).encode()[: capacity - 1].decode(errors="ignore")
    )
    text += "x" * (capacity - len(text.encode()))
    matrix = browser.run("return qrMatrix(arguments[0])", text)

    assert len(matrix) == 17 + 4 * version
    assert Code(text=text, level="M") == read_picture(picture_of_matrix(matrix))
    if version < len(CAPACITIES):
        assert len(browser.run("return qrMatrix(arguments[0])", text + "x")) == 21 + 4 * version


def test_a_text_too_long_for_a_code_is_refused(browser: Browser, self_signed_relay: Relay) -> None:
    """Instead of a wrong code."""
    browser.open(f"{self_signed_relay.url}/en/")
    script = "try { qrMatrix('x'.repeat(667)) } catch (error) { return error.message }"

    assert browser.run(script) == "too long for a QR code"
