"""A relay for chat.example.org, its zone as it should be, and what is published instead."""

from chatmaild.operator.dnscheck.compare import check_all, view_of
from chatmaild.operator.dnscheck.findings import Finding
from chatmaild.operator.dnscheck.here import Here
from chatmaild.settings import DnsRecord

DOMAIN = "chat.example.org"
OWN4, OWN6, OTHER = "203.0.113.7", "2001:db8::7", "198.51.100.9"
KEY, OTHER_KEY = (
    "v=DKIM1;k=ed25519;p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=;s=email;t=s",
    "v=DKIM1;k=ed25519;p=PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=;s=email;t=s",
)
POLICY = f"version: STSv1\r\nmode: enforce\r\nmx: {DOMAIN}\r\nmax_age: 2419200\r\n"
HERE = Here(sources={"A": OWN4, "AAAA": OWN6}, has={OWN4, OWN6}.__contains__)

Zone = dict[tuple[str, str], list[str]]


def _record(name: str, kind: str, value: str | None, *, required: bool = True) -> DnsRecord:
    selector = "chatmail" if "_domainkey" in name else None
    full = f"{name}.{DOMAIN}" if name else DOMAIN
    return DnsRecord(name=full, type=kind, required=required, value=value, dkim_selector=selector)


EXPECTED = [
    _record("", "A", None),
    _record("", "AAAA", None, required=False),
    _record("", "MX", f"10 {DOMAIN}."),
    _record("chatmail._domainkey", "TXT", KEY),
    _record("_mta-sts", "TXT", "v=STSv1; id=51f588c2"),
    _record("mta-sts", "CNAME", f"{DOMAIN}."),
    _record("www", "CNAME", f"{DOMAIN}."),
    _record("", "TXT", "v=spf1 a ~all", required=False),
    _record("_dmarc", "TXT", "v=DMARC1;p=reject;adkim=s;aspf=s", required=False),
    _record("", "CAA", '0 issue "letsencrypt.org"', required=False),
    _record("_imaps._tcp", "SRV", f"0 1 993 {DOMAIN}.", required=False),
]
REVERSE4 = "7.113.0.203.in-addr.arpa"
REVERSE6 = "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"


def right() -> Zone:
    """All records as they should be."""
    return {
        (DOMAIN, "A"): [OWN4],
        (DOMAIN, "AAAA"): [OWN6],
        (DOMAIN, "MX"): [f"10 {DOMAIN}."],
        (f"chatmail._domainkey.{DOMAIN}", "TXT"): [f'"{KEY}"'],
        (f"_mta-sts.{DOMAIN}", "TXT"): ['"v=STSv1; id=51f588c2"'],
        (f"mta-sts.{DOMAIN}", "CNAME"): [f"{DOMAIN}."],
        (f"www.{DOMAIN}", "CNAME"): [f"{DOMAIN}."],
        (DOMAIN, "TXT"): ['"v=spf1 a ~all"'],
        (f"_dmarc.{DOMAIN}", "TXT"): ['"v=DMARC1;p=reject;adkim=s;aspf=s"'],
        (DOMAIN, "CAA"): ['0 issue "letsencrypt.org"'],
        (f"_imaps._tcp.{DOMAIN}", "SRV"): [f"0 1 993 {DOMAIN}."],
        (REVERSE4, "PTR"): [f"{DOMAIN}."],
        (REVERSE6, "PTR"): [f"{DOMAIN}."],
        ("elsewhere.example.net", "A"): [OTHER],
    }


def findings(zone: Zone, here: Here = HERE, policy: str = POLICY) -> list[Finding]:
    """Judge what is published against what should be."""

    def ask(name: str, kind: str) -> list[str]:
        return zone.get((name, kind), [])

    return check_all(EXPECTED, view_of(EXPECTED, ask, here, "example.org."), lambda _: policy)


def wrong(zone: Zone, here: Here = HERE, policy: str = POLICY) -> list[Finding]:
    """Return the findings that are not ok."""
    return [found for found in findings(zone, here, policy) if found.state != "ok"]
