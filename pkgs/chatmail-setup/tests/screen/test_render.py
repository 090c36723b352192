"""The screen and the page."""

from chatmail_setup.screen.render import NO_NETWORK, links, page, screen
from chatmail_setup.screen.view import View, view
from chatmail_setup.state import Phase, State

ZONE = 'chat.ada.example. 3600 IN TXT "v=spf1 a ~all"\n'


def shown(state: State, *, addresses: tuple[str, ...] = ("2001:db8::2", "192.0.2.2")) -> View:
    return view(
        state=state,
        zone=ZONE,
        certificate="there is a certificate",
        upgrade=None,
        addresses=addresses,
        page_port=8080,
    )


RUNNING = State(phase=Phase.RUNNING, domain="chat.ada.example")


def test_a_running_relay_shows_its_zone() -> None:
    """And the certificate, and the page's URL."""
    for text in (screen(shown(RUNNING)), page(shown(RUNNING)).replace("&quot;", '"')):
        assert ZONE.strip() in text
        assert "Certificate: there is a certificate." in text
    assert "http://192.0.2.2:8080/" in screen(shown(RUNNING))


def test_mistakes_are_shown_without_a_zone() -> None:
    """HTML in them is escaped."""
    state = State(phase=Phase.MISTAKES, sentences=("domain = '<b>' is not a domain name.",))

    assert "* domain = '<b>'" in screen(shown(state))
    assert "<b>" not in page(shown(state))
    assert ZONE not in screen(shown(state))


def test_a_machine_without_a_network_says_so() -> None:
    """It comes first."""
    assert NO_NETWORK in screen(shown(RUNNING, addresses=()))


def test_ipv4_links_come_first() -> None:
    """IPv6 addresses have brackets (RFC 3986 section 3.2.2)."""
    assert links(shown(RUNNING)) == ["http://192.0.2.2:8080/", "http://[2001:db8::2]:8080/"]
