"""The findings for all records of a zone."""

from collections.abc import Callable, Sequence
from functools import partial

from chatmaild.errors import ChatmaildError
from chatmaild.operator.cluster import fronts
from chatmaild.operator.dnscheck import certificates, hosts, policy, spf, texts
from chatmaild.operator.dnscheck.findings import UNKNOWN, Finding
from chatmaild.operator.dnscheck.here import Here, View, sources_of_machine
from chatmaild.operator.dnscheck.published import Ask, Published, host
from chatmaild.settings import DnsRecord

Judge = Callable[[DnsRecord, View], Finding]

_BY_TYPE: dict[str, Judge] = {
    "A": hosts.address,
    "AAAA": hosts.address,
    "MX": hosts.exchangers,
    "CNAME": hosts.name,
    "SRV": hosts.service,
    "CAA": certificates.authorization,
}
_BY_VERSION: dict[str, Judge] = {
    "v=spf1": spf.judge,
    "v=DMARC1": texts.dmarc,
    "v=STSv1": texts.mta_sts,
}


def view_of(
    zone: Sequence[DnsRecord], ask: Ask, here: Here | None = None, zone_name: str = ""
) -> View:
    """Return the input of the judgements; without `here` it describes this machine."""
    domain = next((host(r.name) for r in zone if r.type in ("MX", "A", "AAAA")), "")
    return View(
        published=Published(ask),
        here=here or Here(sources=sources_of_machine()),
        domain=domain,
        zone=zone_name,
        checks_certificate=any(r.name.startswith("_mta-sts.") for r in zone),
    )


def check(zone: Sequence[DnsRecord], ask: Ask, here: Here | None = None) -> list[Finding]:
    """Judge each record of the zone as servers and clients do, in the order of the zone.

    Raises:
        ChatmaildError: no name server answers.
    """
    view = view_of(zone, ask, here)
    return [_judge_of(record)(record, view) for record in zone]


def check_all(
    zone: Sequence[DnsRecord], view: View, get: policy.Fetch = policy.fetch
) -> list[Finding]:
    """Judge the zone and related records; a record without an answer is `unknown`."""
    findings = [_guarded(record, _judge_of(record), view) for record in zone]
    types = {record.type for record in zone if host(record.name) == view.domain}
    for kind in ("A", "AAAA"):
        if kind not in types:
            findings += _extra(f"{view.domain} {kind}", partial(hosts.unused_address, view, kind))
    findings += _extra("DKIM keys", partial(fronts.keys, view.here.fronts, view.published))
    findings += _extra("TLSA", partial(certificates.tlsa, view))
    findings += _extra("_smtp._tls", partial(texts.tls_reports, view))
    findings += _extra("reverse names", partial(hosts.reverse_names, view))
    if view.checks_certificate:
        findings += _extra("MTA-STS policy", partial(policy.judge, view, get))
    return findings


def _judge_of(record: DnsRecord) -> Judge:
    if record.dkim_selector is not None:
        return texts.dkim
    if record.type == "TXT":
        version = (record.value or "").replace(";", " ").partition(" ")[0]
        return _BY_VERSION.get(version, texts.other)
    return _BY_TYPE[record.type]


def _guarded(record: DnsRecord, judge: Judge, view: View) -> Finding:
    try:
        return judge(record, view)
    except ChatmaildError as error:
        return Finding(record=record, state=UNKNOWN, problem=str(error))


def _extra(name: str, judge: Callable[[], Finding | list[Finding] | None]) -> list[Finding]:
    """Return the findings about records that the zone does not list."""
    try:
        found = judge()
    except ChatmaildError as error:
        record = DnsRecord(name=name, type="", required=False)
        return [Finding(record=record, state=UNKNOWN, problem=str(error))]
    if found is None:
        return []
    return found if isinstance(found, list) else [found]
