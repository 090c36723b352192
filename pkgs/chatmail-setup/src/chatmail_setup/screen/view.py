"""The content of the screen and the page, before it becomes text or HTML."""

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from chatmail_setup.state import Phase, State

BEHIND_A_ROUTER: Final = (
    "This machine has no public address of its own: publish your router's as A (and AAAA), "
    "and forward its ports to this machine."
)
HEADLINES: Final = {
    Phase.STARTING: "Starting.",
    Phase.MISTAKES: "Please correct chatmail.toml, then start again:",
    Phase.PREPARING: "Preparing the relay. This takes some minutes, once.",
    Phase.FAILED: "The relay could not be prepared:",
    Phase.RUNNING: "The relay is running.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A headline, sentences, DNS records, and the IP addresses of the page."""

    headline: str
    sentences: tuple[str, ...]
    zone: str | None
    addresses: tuple[str, ...]
    page_port: int


def view(
    *,
    state: State,
    zone: str | None,
    certificate: str | None,
    upgrade: str | None,
    addresses: Iterable[str],
    page_port: int,
) -> View:
    """Decide what is shown; details of the relay only while it runs."""
    running = state.phase is Phase.RUNNING
    sentences = list(state.sentences)
    if running:
        if certificate:
            sentences.append(f"Certificate: {certificate}.")
        if upgrade:
            sentences.append(f"Last upgrade: {upgrade}.")
        if zone and not _has_address(zone):
            sentences.append(BEHIND_A_ROUTER)
    return View(
        headline=HEADLINES[state.phase]
        + (f" Domain: {state.domain}" if state.domain and running else ""),
        sentences=tuple(sentences),
        zone=zone if running else None,
        addresses=tuple(sorted(addresses, key=_ipv4_first)),
        page_port=page_port,
    )


def parse_addresses(listing: str) -> tuple[str, ...]:
    """The IP addresses in `ip -json address`, without loopback and link-local ones."""
    try:
        links = json.loads(listing)
    except ValueError:
        return ()
    found = (info["local"] for link in links for info in link.get("addr_info", []))
    return tuple(address for address in found if _reachable(address))


def _has_address(zone: str) -> bool:
    """Whether the zone has an A or AAAA record, and not only comments about it."""
    lines = (line.split() for line in zone.splitlines() if not line.startswith(";"))
    return any({"A", "AAAA"} & set(words[:5]) for words in lines)


def _reachable(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return not (parsed.is_loopback or parsed.is_link_local)


def _ipv4_first(address: str) -> tuple[bool, str]:
    return ":" in address, address
