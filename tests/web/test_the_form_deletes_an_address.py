"""The form deletes an account, without scripts."""

import pytest
from webtest.browser import Browser
from webtest.relay import Relay


def send(browser: Browser, address: str, password: str) -> None:
    """Fill in the form and send it."""
    browser.find("#address").send_keys(address)
    browser.find("#password").send_keys(password)
    browser.follow("main button")


@pytest.fixture
def form(browser: Browser, trusted_relay: Relay) -> Browser:
    """The Polish form in a browser without scripts."""
    browser.scripts(enabled=False)
    browser.open(f"{trusted_relay.url}/pl/delete.html")
    return browser


def test_the_right_password_deletes_the_account(form: Browser, trusted_relay: Relay) -> None:
    """The mailbox is deleted, and a page in the language of the form confirms it."""
    address, password = trusted_relay.new_address()
    assert trusted_relay.exists(address)
    send(form, address, password)

    assert form.driver.current_url == f"{trusted_relay.url}/pl/deleted.html"
    assert form.find("h1").text == "Twój adres jest usunięty"
    assert not trusted_relay.exists(address)


def test_a_wrong_password_deletes_nothing(form: Browser, trusted_relay: Relay) -> None:
    """The page links back to the form."""
    address, _ = trusted_relay.new_address()
    send(form, address, "wrong-password")

    assert form.driver.current_url == f"{trusted_relay.url}/pl/not-deleted.html"
    assert trusted_relay.exists(address)
    assert form.find("main a").get_dom_attribute("href") == "/pl/delete.html"


def test_an_invalid_address_deletes_nothing(form: Browser, trusted_relay: Relay) -> None:
    """An address with `../` gets the same page."""
    send(form, "../../etc/passwd@chat.example.org", "password-password")

    assert form.driver.current_url == f"{trusted_relay.url}/pl/not-deleted.html"


def test_empty_fields_are_not_sent(form: Browser, trusted_relay: Relay) -> None:
    """The browser requires them."""
    form.find("main button").click()

    assert form.driver.current_url == f"{trusted_relay.url}/pl/delete.html"
