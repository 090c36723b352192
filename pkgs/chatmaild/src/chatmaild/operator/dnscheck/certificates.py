"""CAA (RFC 8659, RFC 8657): who may issue. TLSA (RFC 6698): which certificate is right."""

import hashlib
import re
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chatmaild.operator.dnscheck.findings import Finding, good, missing, wrong
from chatmaild.operator.dnscheck.here import View
from chatmaild.settings import DnsRecord

_CAA: Final = re.compile(r'(?P<flags>\d+) (?P<tag>[A-Za-z0-9]+) "?(?P<value>[^"]*)"?')
_KNOWN_TAGS: Final = {"issue", "issuewild", "iodef", "contactemail", "contactphone", "issuemail"}
_CRITICAL: Final = 128
# validation methods of NixOS' ACME client
_METHODS: Final = {"http-01", "dns-01"}
_HASHES: Final = {1: hashlib.sha256, 2: hashlib.sha512}
# DANE for SMTP uses these two (RFC 7672 section 3.1)
_TRUST_ANCHOR: Final = 2
_END_ENTITY: Final = 3


def authorization(record: DnsRecord, view: View) -> Finding:
    """Judge CAA as a certificate authority does: it uses the closest set of records up the tree."""
    values = _closest(view)
    wanted = _CAA.fullmatch(record.value or "")
    hint = view.enter(record.name, "CAA", record.value or "")
    if not values or wanted is None:
        return missing(record, "any authority may issue certificates for this domain", hint)
    parsed = [found for value in values if (found := _CAA.fullmatch(value))]
    if any(_is_unknown_critical(found) for found in parsed):
        problem = "it has a critical property that authorities do not know: they issue nothing"
        return wrong(record, values, problem, f"{hint}; remove the critical one", harmful=True)
    issuers = [found["value"] for found in parsed if found["tag"].lower() == "issue"]
    if not issuers:
        return missing(record, "any authority may issue certificates for this domain", hint)
    authority = wanted["value"].partition(";")[0].strip()
    problems = [_issuer_problem(text, authority, view.here.accounts) for text in issuers]
    if all(problems):
        problem = f"the certificate cannot be renewed: {problems[0]}"
        return wrong(record, values, problem, f"{hint}, in place of these", harmful=True)
    return good(record, values)


def _closest(view: View) -> tuple[str, ...]:
    labels = view.domain.split(".")
    for start in range(len(labels)):
        if values := view.published.values(".".join(labels[start:]), "CAA"):
            return values
    return ()


def _is_unknown_critical(found: re.Match[str]) -> bool:
    return int(found["flags"]) >= _CRITICAL and found["tag"].lower() not in _KNOWN_TAGS


def _issuer_problem(text: str, authority: str, accounts: tuple[str, ...]) -> str:
    """Return why this `issue` does not let the authority issue; empty if it does."""
    issuer, *parameters = (part.strip() for part in text.split(";"))
    if issuer.lower() != authority:
        return f"only {issuer or 'nobody'} may issue, not {authority}"
    given = {name.strip().lower(): value.strip() for name, _, value in map(_pair, parameters)}
    account = given.get("accounturi")
    if account is not None and accounts and account not in accounts:
        return f"only the account {account} may order; this machine has {accounts[0]}"
    methods = {name.strip() for name in given.get("validationmethods", "http-01").split(",")}
    return "" if methods & _METHODS else "the validation method of this machine is not allowed"


def _pair(parameter: str) -> tuple[str, str, str]:
    return parameter.partition("=")


def tlsa(view: View) -> Finding | None:
    """Judge TLSA of port 25, which is optional: one record matches the certificate."""
    name = f"_25._tcp.{view.domain}"
    values = view.published.values(name, "TLSA")
    if not values or not view.here.certificates:
        return None
    own = f"3 1 1 {_data(view.here.certificates[0], 1, 1)}"
    record = DnsRecord(name=name, type="TLSA", required=True, value=own)
    if any(_is_right(value, view.here.certificates) for value in values):
        return good(record, values)
    problem = "no record matches the certificate: servers that use DANE send no mail"
    return wrong(record, values, problem, view.enter(name, "TLSA", own))


def _is_right(value: str, chain: tuple[x509.Certificate, ...]) -> bool:
    fields = value.split()
    try:
        usage, selector, kind = map(int, fields[:3])
    except ValueError:
        return False
    data = "".join(fields[3:]).lower()
    candidates = {_END_ENTITY: chain[:1], _TRUST_ANCHOR: chain}.get(usage, ())
    return any(_data(certificate, selector, kind) == data for certificate in candidates)


def _data(certificate: x509.Certificate, selector: int, kind: int) -> str:
    """Return the association data in hexadecimal digits."""
    if selector == 0:
        raw = certificate.public_bytes(Encoding.DER)
    else:
        key = certificate.public_key()
        raw = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _HASHES[kind](raw).hexdigest() if kind in _HASHES else raw.hex()
