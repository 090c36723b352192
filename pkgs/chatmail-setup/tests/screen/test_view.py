"""What is shown."""

import json

import pytest

from chatmail_setup.screen.view import BEHIND_A_ROUTER, View, parse_addresses, view
from chatmail_setup.state import Phase, State

ZONE = 'chat.ada.example. 3600 IN TXT "v=spf1 a ~all"\n'
DOMAIN = "chat.ada.example"


def shown(zone: str, phase: Phase = Phase.RUNNING) -> View:
    return view(
        state=State(phase=phase, domain=DOMAIN),
        zone=zone,
        certificate="ordering the certificate",
        upgrade="2026-11-22: kept",
        addresses=(),
        page_port=1,
    )


def test_a_running_relay_has_details() -> None:
    """Certificate, last upgrade, domain."""
    made = shown("chat.ada.example. 3600 IN A 203.0.113.7")

    assert made.sentences == (
        "Certificate: ordering the certificate.",
        "Last upgrade: 2026-11-22: kept.",
    )
    assert made.headline.endswith(DOMAIN)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.RUNNING])
def test_other_phases_have_none(phase: Phase) -> None:
    """They are about the relay that will run."""
    made = shown(ZONE, phase)

    assert (made.sentences, made.zone) == ((), None)


def test_a_machine_behind_a_router_has_a_hint() -> None:
    """While the zone has neither A nor AAAA."""
    assert BEHIND_A_ROUTER in shown(ZONE).sentences
    for address in ("A 203.0.113.7", "AAAA 2001:db8::7"):
        zone = f"chat.ada.example. 3600 IN {address}\n"

        assert BEHIND_A_ROUTER not in shown(zone).sentences


def test_addresses_are_read() -> None:
    """Browsers cannot use loopback and link-local addresses."""
    listing = json.dumps(
        [
            {"addr_info": [{"local": "127.0.0.1"}, {"local": "::1"}]},
            {"addr_info": [{"local": "192.0.2.2"}, {"local": "fe80::1"}]},
            {},
        ]
    )

    assert parse_addresses(listing) == ("192.0.2.2",)
    assert parse_addresses("") == ()
