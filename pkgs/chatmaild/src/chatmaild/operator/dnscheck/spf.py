"""SPF (RFC 7208): the verdict of a receiver on mail from this machine.

Macros are not expanded: the verdict is then unknown.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final

from chatmaild.operator.dnscheck.findings import Finding, good, missing, wrong
from chatmaild.operator.dnscheck.here import View
from chatmaild.operator.dnscheck.published import Published, host
from chatmaild.settings import DnsRecord

# RFC 7208 section 4.6.4
_MAX_LOOKUPS: Final = 10
_VERDICTS: Final = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_TERM: Final = re.compile(
    r"(?P<sign>[-+?~]?)(?P<name>[a-z0-9]+)"
    r"(?::(?P<value>[^/]*))?(?:/(?P<v4>\d+))?(?://(?P<v6>\d+))?"
)
_NETWORK: Final = re.compile(r"(?P<sign>[-+?~]?)ip[46]:(?P<network>[0-9a-f.:]+(/\d+)?)")


class _Stop(Exception):  # noqa: N818 - a verdict, not a fault
    """The verdict is known without the rest of the record."""


def judge(record: DnsRecord, view: View) -> Finding:
    """Judge SPF: one record that only mail from this machine passes."""
    published = view.published.texts(record.name)
    texts = [text for text in published if _is_spf(text)]
    hint = view.enter(record.name, "TXT", record.value or "")
    if not texts:
        return missing(record, "large providers refuse mail from a domain without SPF", hint)
    if len(texts) > 1:
        problem = f"{len(texts)} SPF records are a permanent error (RFC 7208 section 4.5)"
        return wrong(record, published, problem, f"{hint}; remove all others", harmful=True)
    terms = texts[0].lower().split()
    if {"all", "+all"} & set(terms):
        problem = "everybody passes (+all): any server may send as this domain"
        return wrong(record, published, problem, f"{hint}, in place of this one")
    verdicts = {ip: verdict(view.domain, ip, view.published) for ip in view.sending()}
    refused = [f"{ip}: {text}" for ip, text in verdicts.items() if text != "pass"]
    if refused:
        problem = f"mail from this machine does not pass ({', '.join(refused)})"
        return wrong(record, published, problem, f"{hint}, in place of this one", harmful=True)
    return good(record, published)


def verdict(domain: str, ip: str, published: Published) -> str:
    """Return a receiver's verdict on mail of the domain from an IP address."""
    try:
        return _Evaluation(ip=ipaddress.ip_address(ip), published=published).of(domain)
    except _Stop as stop:
        return str(stop)


def _is_spf(text: str) -> bool:
    return (text.lower() + " ").startswith("v=spf1 ")


@dataclass(slots=True, kw_only=True)
class _Evaluation:
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address
    published: Published
    lookups: int = field(default=0)

    def of(self, domain: str) -> str:
        texts = [text for text in self.published.texts(domain) if _is_spf(text)]
        if len(texts) != 1:
            return "none" if not texts else "permerror"
        redirect = ""
        for term in texts[0].lower().split()[1:]:
            if term.startswith("redirect="):
                redirect = term.removeprefix("redirect=")
            elif "=" not in term.partition(":")[0] and (found := self._term(term, domain)):
                return found
        if not redirect:
            return "neutral"
        self._look_up(redirect)
        found = self.of(redirect)
        return "permerror" if found == "none" else found

    def _term(self, term: str, domain: str) -> str | None:
        """Return the verdict of a mechanism that matches, else None."""
        if found := _NETWORK.fullmatch(term):
            matches = self._in_network(found["network"])
        elif found := _TERM.fullmatch(term):
            matches = self._matches(found, domain)
        else:
            raise _Stop("unknown: macros" if "%" in term else "permerror")
        return _VERDICTS[found["sign"] or "+"] if matches else None

    def _matches(self, term: re.Match[str], domain: str) -> bool:
        name, target = term["name"], term["value"] or domain
        if name == "all":
            return True
        if name not in ("a", "mx", "include", "exists", "ptr"):
            raise _Stop("permerror")
        self._look_up(target)
        match name:
            case "a":
                return self._is_host(target, term)
            case "mx":
                values = self.published.values(target, "MX")
                return any(self._is_host(host(value.split()[-1]), term) for value in values)
            case "include":
                found = self.of(target)
                if found in ("none", "permerror"):
                    raise _Stop("permerror")
                return found == "pass"
            case "exists":
                return bool(self.published.values(target, "A"))
        return False  # ptr: receivers need not look it up (section 5.5)

    def _is_host(self, name: str, term: re.Match[str]) -> bool:
        bits = term["v6"] if self.ip.version == 6 else term["v4"]
        kind = "AAAA" if self.ip.version == 6 else "A"
        addresses = self.published.values(name, kind)
        return any(self._in_network(f"{a}/{bits}" if bits else a) for a in addresses)

    def _in_network(self, text: str) -> bool:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise _Stop("permerror") from None
        return network.version == self.ip.version and self.ip in network

    def _look_up(self, name: str) -> None:
        self.lookups += 1
        if "%" in name:
            raise _Stop("unknown: macros")
        if self.lookups > _MAX_LOOKUPS:
            raise _Stop("permerror: more than 10 look-ups")
