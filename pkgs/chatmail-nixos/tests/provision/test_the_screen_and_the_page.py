"""What a person sees on the screen and in a browser."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatmail_nixos.provision.server import is_neighbour, make_server
from chatmail_nixos.provision.show import NO_NETWORK, links, page, screen
from chatmail_nixos.provision.status import (
    BEHIND_A_ROUTER,
    Phase,
    State,
    View,
    parse_addresses,
    view,
)

ZONE = 'chat.ada.example. 3600 IN TXT "v=spf1 a ~all"\n'


def seen(state: State, *, addresses: tuple[str, ...] = ("2001:db8::2", "192.0.2.2")) -> View:
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
    """The records, the certificate, and where to read them in a browser."""
    for text in (screen(seen(RUNNING)), page(seen(RUNNING)).replace("&quot;", '"')):
        assert ZONE.strip() in text
        assert "Certificate: there is a certificate." in text
    assert "http://192.0.2.2:8080/" in screen(seen(RUNNING))


def test_mistakes_are_shown_without_a_zone() -> None:
    """And markup in them stays text."""
    state = State(phase=Phase.MISTAKES, sentences=("domain = '<b>' is not a domain name.",))

    assert "* domain = '<b>'" in screen(seen(state))
    assert "<b>" not in page(seen(state))
    assert ZONE not in screen(seen(state))


def test_a_machine_without_a_network_says_so() -> None:
    """The first thing that a person must repair."""
    assert NO_NETWORK in screen(seen(RUNNING, addresses=()))


def test_a_machine_behind_a_router_is_told_whose_address_counts() -> None:
    """Only while the zone lacks one."""
    assert BEHIND_A_ROUTER in seen(RUNNING).sentences
    for address in ("A 203.0.113.7", "AAAA 2001:db8::7"):
        zone = f"chat.ada.example. 3600 IN {address}\n"
        shown = view(
            state=RUNNING, zone=zone, certificate=None, upgrade=None, addresses=(), page_port=1
        )

        assert BEHIND_A_ROUTER not in shown.sentences


def test_links_name_ipv4_first_and_bracket_ipv6() -> None:
    """RFC 3986 section 3.2.2."""
    assert links(seen(RUNNING)) == ["http://192.0.2.2:8080/", "http://[2001:db8::2]:8080/"]


def test_addresses_are_read() -> None:
    """Loopback and link-local addresses are of no use in a browser."""
    listing = json.dumps(
        [
            {"addr_info": [{"local": "127.0.0.1"}, {"local": "::1"}]},
            {"addr_info": [{"local": "192.0.2.2"}, {"local": "fe80::1"}]},
            {},
        ]
    )

    assert parse_addresses(listing) == ("192.0.2.2",)
    assert parse_addresses("") == ()


def test_the_state_survives_a_restart_of_the_screen(tmp_path: Path) -> None:
    """And is `starting' before there is one."""
    state = State(phase=Phase.MISTAKES, domain=None, sentences=("No.",))
    state.save(tmp_path / "state.json")

    assert State.load(tmp_path / "state.json") == state
    assert State.load(tmp_path / "none") == State()


@pytest.fixture
def url() -> Iterator[str]:
    server = make_server(0, lambda: "hello")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_page_is_served_over_ipv4_and_ipv6(url: str) -> None:
    """One page, nothing else."""
    for host in ("127.0.0.1", "[::1]"):
        with urllib.request.urlopen(url.replace("127.0.0.1", host), timeout=5) as answer:
            assert answer.read() == b"hello"
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        urllib.request.urlopen(f"{url}/etc/passwd", timeout=5)
    refused.value.close()


@pytest.mark.parametrize(
    ("address", "neighbour"),
    [
        ("192.168.1.7", True),
        ("::ffff:192.168.1.7", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("8.8.8.8", False),
        ("::ffff:8.8.8.8", False),
        ("2a01:4f8::1", False),
    ],
)
def test_only_neighbours_are_answered(address: str, neighbour: bool) -> None:
    """The Internet has no business with the set-up page."""
    assert is_neighbour(address) == neighbour
