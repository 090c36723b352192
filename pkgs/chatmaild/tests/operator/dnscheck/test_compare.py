"""Records are judged by what servers, clients and authorities do with them."""

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.dnscheck.compare import check, check_all, view_of

from .world import DOMAIN, EXPECTED, HERE, KEY, OTHER, OTHER_KEY, OWN4, REVERSE4, right, wrong

DKIM, STS, DMARC = f"chatmail._domainkey.{DOMAIN}", f"_mta-sts.{DOMAIN}", f"_dmarc.{DOMAIN}"
WWW, IMAPS, TLS_REPORTS = f"www.{DOMAIN}", f"_imaps._tcp.{DOMAIN}", f"_smtp._tls.{DOMAIN}"


def test_a_right_zone_has_no_findings() -> None:
    """Nor does one need a hint."""
    assert wrong(right()) == []


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        (DOMAIN, "MX", [f"5 {DOMAIN}."]),
        (DOMAIN, "MX", [f"10 {DOMAIN.upper()}.", f"20 {DOMAIN}."]),
        (WWW, "A", [OWN4]),
        (DKIM, "TXT", [f'"{KEY[:40]}" "{KEY[40:]}"']),
        (DKIM, "TXT", [KEY.replace(";", "; ").replace("s=email; t=s", "s=*")]),
        (DOMAIN, "TXT", ['"v=spf1 mx -all"', '"google-site-verification=x"']),
        (DOMAIN, "TXT", [f'"v=spf1 ip4:{OWN4} ip6:2001:db8::/32 -all"']),
        (DOMAIN, "TXT", ['"v=spf1 +a:chat.example.org/24//64 ?all"']),
        (DOMAIN, "TXT", ['"V=SPF1 include:elsewhere.example.net a -all"']),
        (DOMAIN, "TXT", ['"v=spf1 redirect=spf.example.net"']),
        (DMARC, "TXT", ['"v=DMARC1; p=reject; rua=mailto:x@example.net;"', '"other"']),
        (STS, "TXT", ['"v=STSv1;id=51f588c2;"', '"other"']),
        (DOMAIN, "CAA", ['0 issue "letsencrypt.org; accounturi=https://ca.example/1"']),
        (DOMAIN, "CAA", ['0 issue "ca.example"', '0 issue "letsencrypt.org"', '0 iodef "x"']),
        (IMAPS, "SRV", [f"10 5 993 {DOMAIN}."]),
        (REVERSE4, "PTR", ["mail.example.net."]),
        (TLS_REPORTS, "TXT", ['"v=TLSRPTv1; rua=mailto:tls@example.net,https://example.net/r"']),
    ],
)
def test_what_works_is_right(name: str, kind: str, values: list[str]) -> None:
    """However it is written, and whatever stands beside it."""
    zone = right() | {
        ("elsewhere.example.net", "TXT"): ['"v=spf1 ip4:198.51.100.0/24 -all"'],
        ("spf.example.net", "TXT"): [f'"v=spf1 a:{DOMAIN} -all"'],
        ("mail.example.net", "A"): [OWN4],
        (name, kind): values,
    }
    if name == WWW:
        del zone[WWW, "CNAME"]

    assert wrong(zone) == []


@pytest.mark.parametrize(
    ("name", "kind", "values", "problem", "is_fault"),
    [
        (DOMAIN, "A", [], "cannot reach", True),
        (DOMAIN, "A", [OTHER], "not this machine", True),
        (DOMAIN, "A", [OWN4, OTHER], f"{OTHER}: not this machine", True),
        (DOMAIN, "AAAA", ["2001:db8::8"], "not this machine", True),
        (DOMAIN, "MX", [], "no mail to a domain without MX", True),
        (DOMAIN, "MX", ["0 ."], "accepts no mail", True),
        (DOMAIN, "MX", [f"10 {WWW}."], "an alias", True),
        (DOMAIN, "MX", ["10 elsewhere.example.net."], f"leads to {OTHER}", True),
        (DOMAIN, "MX", [f"10 {DOMAIN}.", "20 elsewhere.example.net."], f"leads to {OTHER}", True),
        (DOMAIN, "MX", ["10 mx.example.net."], "no IP address", True),
        (DOMAIN, "MX", ["10 alias.example.net."], "the certificate and the MTA-STS", True),
        (DKIM, "TXT", [], "not published", True),
        (DKIM, "TXT", [f'"{KEY}"', f'"{OTHER_KEY}"'], "2 records", True),
        (DKIM, "TXT", [f'"{OTHER_KEY}"'], "another key", True),
        (DKIM, "TXT", [f'"{KEY[:40]}"'], "malformed", True),
        (DKIM, "TXT", [f'"{KEY};x=y"', f'"{KEY}"'], "2 records", True),
        (DKIM, "TXT", [f'"{KEY.replace("t=s", "t=s:y")}"'], "only tests DKIM", True),
        (STS, "TXT", ['"v=STSv1; id=51f588c2"', '"v=STSv1; id=1"'], "2 records", True),
        (STS, "TXT", ['"v=STSv1"'], "malformed", True),
        (STS, "TXT", ['"v=STSv1; id=2026-11-29"'], "malformed", True),
        (STS, "TXT", ['"v=STSv1; id=20261129"'], "not the id", False),
        (WWW, "CNAME", [], "ordered for this name", True),
        (WWW, "CNAME", ["elsewhere.example.net."], f"leads to {OTHER}", True),
        (DOMAIN, "TXT", ['"v=spf1 a ~all"', '"v=spf1 mx -all"'], "2 SPF records", True),
        (DOMAIN, "TXT", ['"v=spf1 ip4:198.51.100.9 -all"'], f"{OWN4}: fail", True),
        (DOMAIN, "TXT", ['"v=spf1 include:nothing.example.net -all"'], "permerror", True),
        (DOMAIN, "TXT", ['"v=spf1 a +all"'], "everybody passes", False),
        (DOMAIN, "TXT", ['"something"'], "without SPF", False),
        (DMARC, "TXT", ['"v=DMARC1;p=reject"', '"v=DMARC1;p=none"'], "2 records", False),
        (DMARC, "TXT", ['"v=DMARC1; p=none"'], "need not refuse", False),
        (DMARC, "TXT", ['"v=DMARC1; p=reject; pct=5"'], "a part", False),
        (DOMAIN, "CAA", ['0 issue "ca.example"'], "only ca.example may issue", True),
        (DOMAIN, "CAA", ['0 issue ";"'], "only nobody", True),
        (DOMAIN, "CAA", ['128 tbs "x"', '0 issue "letsencrypt.org"'], "critical", True),
        (
            DOMAIN,
            "CAA",
            ['0 issue "letsencrypt.org; validationmethods=tls-alpn-01"'],
            "method",
            True,
        ),
        (DOMAIN, "CAA", [], "any authority", False),
        (IMAPS, "SRV", [f"0 1 143 {DOMAIN}."], "port 143", False),
        (IMAPS, "SRV", ["0 1 993 elsewhere.example.net."], "does not name", False),
        (IMAPS, "SRV", ["0 0 0 ."], "no such service", False),
        (REVERSE4, "PTR", [], "no reverse name", False),
        (REVERSE4, "PTR", ["elsewhere.example.net."], "leads back", False),
        (TLS_REPORTS, "TXT", [f'"v=TLSRPTv1;rua=mailto:x@{DOMAIN}"'], "refuses reports", False),
        (TLS_REPORTS, "TXT", ['"v=TLSRPTv1;rua=x"'], "no address", False),
    ],
)
def test_what_does_not_work_is_named(
    name: str, kind: str, values: list[str], problem: str, is_fault: bool
) -> None:
    """With its record, the reason, and what to enter; harm counts as required."""
    zone = right() | {(name, kind): values, ("alias.example.net", "A"): [OWN4]}

    found = [f for f in wrong(zone) if f.record.type == kind and f.record.name == name]

    assert len(found) == 1
    assert problem in found[0].problem
    assert found[0].is_fault == is_fault
    assert found[0].hint


def test_a_moved_machine_is_seen_in_each_record() -> None:
    """The old address stands in DNS: address, MX, names and SPF are wrong at once."""
    zone = right() | {(DOMAIN, "A"): [OTHER]}

    kinds = {(found.record.name, found.record.type) for found in wrong(zone)}

    assert {(DOMAIN, "A"), (DOMAIN, "MX"), (WWW, "CNAME"), (DOMAIN, "TXT")} <= kinds


def test_behind_a_router_any_public_address_may_be_right() -> None:
    """The machine has a private address only, and SPF is judged by the published one."""
    here = type(HERE)(sources={"A": "192.168.1.5", "AAAA": "2001:db8::7"}, has=HERE.has)
    zone = right() | {(DOMAIN, "A"): [OTHER], ("9.100.51.198.in-addr.arpa", "PTR"): [f"{DOMAIN}."]}

    assert wrong(zone, here) == []


def test_records_of_an_unused_protocol_are_named() -> None:
    """Without IPv6 nothing listens there, and others try it first."""
    expected = [record for record in EXPECTED if record.type != "AAAA"]
    view = view_of(expected, lambda name, kind: right().get((name, kind), []), HERE)

    found = [f for f in check_all(expected, view, lambda _: "") if f.record.type == "AAAA"]

    assert [f.is_fault for f in found] == [True]
    assert "remove" in found[0].hint


def test_the_account_in_caa_is_this_machines() -> None:
    """Another one cannot renew the certificate."""
    here = type(HERE)(sources=HERE.sources, has=HERE.has, accounts=("https://ca.example/2",))
    caa = '0 issue "letsencrypt.org;accounturi=https://ca.example/{}"'

    assert wrong(right() | {(DOMAIN, "CAA"): [caa.format(2)]}, here) == []
    (found,) = wrong(right() | {(DOMAIN, "CAA"): [caa.format(1)]}, here)
    assert found.is_fault


def test_aliases_are_followed_out_of_the_zone() -> None:
    """A TXT record may stand at another provider; a circle of aliases is no record."""
    zone = right()
    zone[DMARC, "CNAME"] = ["d.example.net."]
    zone["d.example.net", "TXT"] = zone.pop((DMARC, "TXT"))
    assert wrong(zone) == []

    zone["d.example.net", "CNAME"] = [f"{DMARC}."]
    del zone["d.example.net", "TXT"]
    assert [found.state for found in wrong(zone)] == ["missing"]


def test_a_record_without_an_answer_is_unknown() -> None:
    """The others are judged nevertheless; a simple check fails as a whole."""

    def ask(name: str, kind: str) -> list[str]:
        if kind == "MX":
            raise ChatmaildError("no answer")
        return right().get((name, kind), [])

    states = {f.state for f in check_all(EXPECTED, view_of(EXPECTED, ask, HERE), lambda _: "x")}

    assert {"ok", "unknown"} <= states
    with pytest.raises(ChatmaildError):
        check(EXPECTED, ask, HERE)
