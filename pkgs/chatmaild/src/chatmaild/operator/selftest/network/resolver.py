"""The resolver of this machine: it answers, looks up other names, and validates DNSSEC."""

from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.resolver

from chatmaild.operator.selftest.network.names import (
    NoAnswerError,
    is_ip_address,
    mail_domains_of,
    records,
)
from chatmaild.operator.selftest.report import Check, failed, ok
from chatmaild.settings import Settings

NAME: Final = "resolver"
ALIVE_S: Final = 2.0
REPAIR: Final = "systemctl restart unbound; if that fails: journalctl --unit unbound"
# names of others to look up; one answer is enough
MOST_NAMES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The results for the resolver.

    Attributes:
        outside: whether it finds names of others; None without a name to look up.
        signed: whether the root zone has keys; None without an answer.
        validated: whether the answer has the flag AD.
    """

    alive: bool
    outside: bool | None = None
    signed: bool | None = None
    validated: bool = False


def check(settings: Settings) -> Check:
    """Ask the resolver, and decide."""
    if not is_alive():
        return judge(Found(alive=False))
    names = [name for name in mail_domains_of(settings) if not is_ip_address(name)][:MOST_NAMES]
    outside = any(_finds(name) for name in names) if names else None
    signed, validated = _root_keys()
    return judge(Found(alive=True, outside=outside, signed=signed, validated=validated))


def is_alive() -> bool:
    """Whether the resolver answers at all; it knows this name itself (RFC 6761 section 6.3)."""
    query = dns.message.make_query("localhost.", "A")
    for server in dns.resolver.Resolver().nameservers:
        try:
            dns.query.udp(query, str(server), timeout=ALIVE_S)
        except (OSError, dns.exception.DNSException):
            continue
        return True
    return False


def judge(found: Found) -> Check:
    """Decide."""
    if not found.alive:
        return failed(NAME, "the resolver does not answer: mail waits, in and out", REPAIR)
    if found.outside is False:
        return failed(
            NAME,
            "the resolver answers, but finds no name of others: mail waits, in and out",
            "check the rules of this machine: nft list ruleset; then ask its provider about port"
            " 53, UDP and TCP, outgoing; journalctl --unit unbound",
        )
    if found.outside is None and found.signed is None:
        return ok(NAME, "answers; services.chatmail.selftest names no server to look up")
    if found.signed is None or (found.signed and not found.validated):
        return failed(
            NAME,
            "the resolver does not validate DNSSEC: DKIM keys of others can be forged",
            "services.unbound.enableRootTrustAnchor = true, and 127.0.0.1 in /etc/resolv.conf;"
            " systemctl restart unbound",
        )
    if not found.signed:
        return ok(NAME, "answers; the root zone of this network is not signed")
    return ok(NAME, "answers and validates DNSSEC")


def _finds(name: str) -> bool:
    try:
        records(name, "MX")
    except NoAnswerError:
        return False
    return True


def _root_keys() -> tuple[bool | None, bool]:
    resolver = dns.resolver.Resolver()
    resolver.lifetime = 4.0
    resolver.use_edns(0, dns.flags.DO, 1232)
    try:
        answer = resolver.resolve(".", "DNSKEY", search=False, raise_on_no_answer=False)
    except dns.exception.DNSException:
        return None, False
    return answer.rrset is not None, bool(answer.response.flags & dns.flags.AD)
