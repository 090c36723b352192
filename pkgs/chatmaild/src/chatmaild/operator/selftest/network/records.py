"""DNS of this machine: MX, A and AAAA lead to it, and its reverse name is right."""

import ipaddress
from collections.abc import Collection, Sequence
from typing import Final

from chatmaild.operator import dns
from chatmaild.operator.cluster.fronts import Front, leads_to, other_fronts
from chatmaild.operator.dnscheck.here import Here, has_address, is_translated, sources_of_machine
from chatmaild.operator.selftest.network.names import (
    NoAnswerError,
    is_ip_address,
    records,
)
from chatmaild.operator.selftest.report import Check, failed, ok, skipped, warned
from chatmaild.settings import DnsRecord, Settings

NAME: Final = "dns"
REVERSE: Final = "reverse-name"
ADDRESS_TYPES: Final = ("A", "AAAA")


def check(settings: Settings) -> Check:
    """Compare MX, A and AAAA with this machine."""
    if not settings.dkim.enable:
        return skipped(NAME, "an IP-only relay has no records")
    wanted = [
        r for r in settings.dns if r.name == settings.domain and r.type in ("MX", "A", "AAAA")
    ]
    try:
        published = {record.type: records(settings.domain, record.type) for record in wanted}
        findings = dns.check(
            [record for record in wanted if record.type == "MX"],
            lambda name, kind: _known(settings.domain, published, name, kind),
            Here(sources=sources_of_machine(), fronts=other_fronts(settings)),
        )
    except NoAnswerError:
        return warned(NAME, "DNS gave no answer for this relay", "chatmail dns --check")
    mx = next((finding.state for finding in findings if finding.state != "ok"), "ok")
    own = {kind: dns.own_address(kind) for kind in ADDRESS_TYPES}
    others = other_fronts(settings)
    whose = "the fronts of this relay" if others else "this machine"
    found = foreign(published, own, others)
    return judge(wanted, published, mx=mx, foreign=found, whose=whose)


def _known(domain: str, published: dict[str, list[str]], name: str, kind: str) -> list[str]:
    """The records that are already known; a look-up for other names, as of MX hosts."""
    return published[kind] if name == domain and kind in published else records(name, kind)


def foreign(
    published: dict[str, list[str]], own: dict[str, str | None], fronts: Sequence[Front] = ()
) -> list[str] | None:
    """The types with an IP address of no machine of this relay; None if this one cannot know."""
    kinds = [kind for kind in ADDRESS_TYPES if kind in published]
    addresses = ((kind, own[kind]) for kind in kinds)
    known = [kind for kind, address in addresses if address and not is_translated(address)]
    if not known:
        return None
    return [
        kind
        for kind in known
        if not all(has_address(one) or leads_to(fronts, one) for one in published[kind])
    ]


def judge(
    wanted: Sequence[DnsRecord],
    published: dict[str, list[str]],
    *,
    mx: str,
    foreign: list[str] | None,
    whose: str = "this machine",
) -> Check:
    """Decide; `mx` is the state that `chatmail dns --check` gives the MX record."""
    repair = "publish what `chatmail dns` prints; `chatmail dns --check` says what is wrong"
    missing = [r.type for r in wanted if r.required and not published[r.type]]
    if missing:
        return failed(NAME, f"there is no {' and no '.join(missing)} record of this relay", repair)
    # first: an MX record that leads to a wrong IP address is not wrong itself
    if foreign:
        return failed(
            NAME, f"the {' and '.join(foreign)} record is not an IP address of {whose}", repair
        )
    if mx != "ok":
        return failed(NAME, f"the MX record {mx}: mail from others does not arrive", repair)
    if foreign is None:
        return ok(NAME, "MX, A and AAAA are published; behind a router they cannot be compared")
    return ok(NAME, f"{', '.join(k for k, v in published.items() if v)} lead to {whose}")


def check_reverse(settings: Settings) -> Check:
    """Look up the reverse names of this machine's IP addresses."""
    wanted = {settings.host_name.lower(), *_own_name(settings)}
    names: dict[str, list[str]] = {}
    for kind in ADDRESS_TYPES:
        address = dns.own_address(kind)
        if address is None or is_translated(address):
            continue
        try:
            found = records(ipaddress.ip_address(address).reverse_pointer, "PTR")
        except NoAnswerError:
            continue
        names[kind] = [name.rstrip(".").lower() for name in found]
    if not settings.dkim.enable:
        return skipped(REVERSE, "an IP-only relay needs none")
    return judge_reverse(names, wanted)


def _own_name(settings: Settings) -> list[str]:
    """The name of this front; all of them greet with the domain, whose reverse name one may be."""
    cluster = settings.cluster
    if cluster.role != "front" or cluster.machine is None:
        return []
    host = cluster.fronts[cluster.machine].host.lower()
    return [] if is_ip_address(host) else [host]


def judge_reverse(names: dict[str, list[str]], wanted: Collection[str]) -> Check:
    """Decide; large providers refuse mail without a right reverse name, chatmail relays do not."""
    if not names:
        return skipped(REVERSE, "DNS gave no answer, or this machine is behind a router")
    wrong = [kind for kind, found in names.items() if not set(wanted) & set(found)]
    right = " or ".join(sorted(wanted))
    if not wrong:
        return ok(REVERSE, f"the reverse name is {right}")
    what = " and ".join({"A": "IPv4", "AAAA": "IPv6"}[kind] for kind in wrong)
    return warned(
        REVERSE,
        f"the reverse name of {what} is not {right}: some classic servers refuse our mail",
        f"set the reverse name (PTR) to {right} in the panel of the IP address's provider",
    )
