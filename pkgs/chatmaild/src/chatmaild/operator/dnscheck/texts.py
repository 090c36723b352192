"""TXT records: DKIM, DMARC, MTA-STS, TLS reports, and others compared by their text."""

import re
from collections.abc import Callable
from typing import Final

from chatmaild.dkim import tags
from chatmaild.dkim.records import parse_record
from chatmaild.operator.dnscheck.findings import Finding, good, missing, wrong
from chatmaild.operator.dnscheck.here import View
from chatmaild.settings import DnsRecord

# RFC 8461 section 3.1
_POLICY_ID: Final = re.compile(r"[0-9A-Za-z]{1,32}")


def dkim(record: DnsRecord, view: View) -> Finding:
    """Judge DKIM: one record, with the key that signs."""
    texts = view.published.texts(record.name)
    hint = view.enter(record.name, "TXT", record.value or "")
    if not texts:
        return missing(record, "other servers refuse our mail: the key is not published", hint)
    if len(texts) > 1:
        problem = f"{len(texts)} records: servers use any of them (RFC 6376 section 3.6.2.2)"
        return wrong(record, texts, problem, f"{hint}; remove all others")
    if problem := _key_problem(texts[0], record.value or ""):
        return wrong(record, texts, problem, f"{hint}, in place of this one")
    return good(record, texts)


def _key_problem(text: str, own: str) -> str:
    published, wanted = parse_record(text), parse_record(own)
    if published is None:
        return "servers cannot use it: malformed, revoked, cut off, or not for mail"
    if wanted is None or published.key != wanted.key:
        return "another key than the one that signs: other servers refuse our mail"
    flags = tags.items((tags.parse(text) or {}).get("t", ""))
    return "the flag t=y: this domain only tests DKIM" if "y" in flags else ""


def dmarc(record: DnsRecord, view: View) -> Finding:
    """Judge DMARC (RFC 7489): one record, with p=reject."""
    problem = _dmarc_problem
    return _single(record, view, "v=dmarc1", problem, "others do not recognise forged mail")


def _dmarc_problem(text: str) -> str:
    policy = tags.parse(text)
    if policy is None or policy.get("v") != "DMARC1" or "p" not in policy:
        return "malformed: receivers ignore it"
    if policy["p"].lower() != "reject":
        return f"p={policy['p']}: receivers need not refuse forged mail"
    if policy.get("pct", "100") != "100" or policy.get("t", "n").lower() == "y":
        return "it covers only a part of the forged mail, or is a test"
    return ""


def mta_sts(record: DnsRecord, view: View) -> Finding:
    """Judge `_mta-sts` (RFC 8461 section 3.1): one record with an id."""
    own = (tags.parse(record.value or "") or {}).get("id", "")
    found = _single(
        record, view, "v=stsv1", _sts_problem, "senders do not learn that TLS is required"
    )
    texts = [t for t in found.published if _is_version(t, "v=stsv1")]
    if found.state != "ok" or (tags.parse(texts[0]) or {}).get("id") == own:
        return found
    problem = "not the id of this version: senders use an older policy for up to 28 days"
    hint = view.enter(record.name, "TXT", record.value or "")
    optional = DnsRecord(name=record.name, type="TXT", required=False, value=record.value)
    return wrong(optional, found.published, problem, hint)


def _sts_problem(text: str) -> str:
    found = tags.parse(text)
    if found is None or found.get("v") != "STSv1" or not _POLICY_ID.fullmatch(found.get("id", "")):
        return "malformed: senders ignore it"
    return ""


def tls_reports(view: View) -> Finding | None:
    """Judge `_smtp._tls` (RFC 8460), which is optional: one record, with a target that works."""
    name = f"_smtp._tls.{view.domain}"
    texts = [t for t in view.published.texts(name) if _is_version(t, "v=tlsrptv1")]
    if not texts:
        return None
    value = "v=TLSRPTv1;rua=mailto:ADDRESS"
    record = DnsRecord(name=name, type="TXT", required=False, value=value)
    hint = view.enter(name, "TXT", f"{value} with an address of another server")
    if len(texts) > 1:
        return wrong(record, texts, "several records: senders ignore them", hint)
    reports = (tags.parse(texts[0]) or {}).get("rua", "")
    targets = [target.strip().lower() for target in reports.split(",")]
    if not all(t.startswith(("mailto:", "https://")) for t in targets):
        return wrong(record, texts, "no address for reports (mailto: or https://)", hint)
    if any(t.startswith("mailto:") and t.endswith(f"@{view.domain}") for t in targets):
        problem = "this relay refuses reports, because they are not encrypted"
        return wrong(record, texts, problem, hint)
    return good(record, texts)


def other(record: DnsRecord, view: View) -> Finding:
    """Judge any other TXT record: its text is published."""
    texts = view.published.texts(record.name)
    hint = view.enter(record.name, record.type, record.value or "")
    if not texts:
        return missing(record, "", hint)
    if _spaceless(record.value or "") not in map(_spaceless, texts):
        return wrong(record, texts, "", hint)
    return good(record, texts)


def _single(
    record: DnsRecord, view: View, version: str, problem_of: Callable[[str], str], lack: str
) -> Finding:
    """Judge a record that must be the only one of its version; other TXT records may exist."""
    published = view.published.texts(record.name)
    texts = [text for text in published if _is_version(text, version)]
    hint = view.enter(record.name, "TXT", record.value or "")
    if not texts:
        return missing(record, lack, hint)
    if len(texts) > 1:
        problem = f"{len(texts)} records of this kind: all of them are ignored"
        return wrong(record, published, problem, f"{hint}; remove all others")
    if problem := problem_of(texts[0]):
        return wrong(record, published, problem, f"{hint}, in place of this one")
    return good(record, published)


def _is_version(text: str, version: str) -> bool:
    return _spaceless(text.partition(";")[0]).lower() == version


def _spaceless(text: str) -> str:
    return re.sub(r"\s*([;=])\s*", r"\1", text.strip()).removesuffix(";")
