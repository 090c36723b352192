"""Button, picture and QR code of the home page have the link that Delta Chat opens."""

import pytest
from PIL import ImageFilter
from webtest.browser import Browser, Look
from webtest.codes import Code, picture_of, read_picture
from webtest.relay import Relay

LINK = "DCACCOUNT:https://chat.example.org/new"


def test_button_and_picture_open_the_invitation(browser: Browser, trusted_relay: Relay) -> None:
    """In plain HTML, without scripts."""
    browser.scripts(enabled=False)
    browser.open(f"{trusted_relay.url}/en/")

    assert browser.find("main a.button").get_dom_attribute("href") == LINK
    assert browser.find("main a.stamp").get_dom_attribute("href") == LINK


def test_the_code_is_readable_on_the_screen(
    browser: Browser, trusted_relay: Relay, look: Look
) -> None:
    """On every screen, with error correction H, because the logo covers its middle."""
    browser.look(look)
    browser.open(f"{trusted_relay.url}/en/")
    picture = picture_of(browser.picture_of(".stamp img"))

    assert Code(text=LINK, level="H") == read_picture(picture)


@pytest.mark.parametrize("damage", ["small", "blurred", "turned", "stained"])
def test_a_bad_copy_is_readable(browser: Browser, trusted_relay: Relay, damage: str) -> None:
    """Such as a crumpled print or a distant screen."""
    browser.open(f"{trusted_relay.url}/en/")
    picture = picture_of(browser.picture_of(".stamp img"))
    match damage:
        case "small":
            picture = picture.resize((135, 135))
        case "blurred":
            picture = picture.filter(ImageFilter.GaussianBlur(2.5))
        case "turned":
            picture = picture.rotate(17, expand=True, fillcolor=255)
        case "stained":
            side = picture.width
            spot = (side // 2, side * 6 // 10, side * 65 // 100, side * 75 // 100)
            picture.paste(255, spot)

    assert read_picture(picture).text == LINK


def test_the_link_creates_an_account(browser: Browser, trusted_relay: Relay) -> None:
    """Delta Chat posts to the path in the link and gets an account that works."""
    address, password = trusted_relay.new_address()

    assert address.endswith("@chat.example.org")
    assert trusted_relay.logs_in(address, password)
