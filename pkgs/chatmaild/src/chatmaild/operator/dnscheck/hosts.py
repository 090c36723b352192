"""Records that lead to hosts: A, AAAA, MX, CNAME, SRV, PTR."""

import ipaddress

from chatmaild.operator.dnscheck.findings import Finding, good, missing, wrong
from chatmaild.operator.dnscheck.here import View, is_translated
from chatmaild.operator.dnscheck.published import host
from chatmaild.settings import DnsRecord


def address(record: DnsRecord, view: View) -> Finding:
    """Judge A or AAAA of the domain: every IP address is this machine's, or another front's."""
    values = view.published.values(record.name, record.type)
    source = view.here.sources.get(record.type)
    if source is None:
        wanted = "the IP address of this machine, which has none of this type now"
    else:
        wanted = "the public IP address of your router" if is_translated(source) else source
    hint = view.enter(record.name, record.type, wanted)
    if not values:
        return missing(record, "others cannot reach this machine by this protocol", hint)
    foreign = [value for value in values if not view.here.is_ours(value)]
    if foreign:
        problem = f"{_listed(foreign)}: not {_us(view)}; clients and servers connect there"
        others = "those of no front" if view.here.fronts else "all others"
        return wrong(record, values, problem, f"{hint}; remove {others}", harmful=True)
    if view.here.fronts and not any(view.here.is_mine(value) for value in values):
        problem = "no address of this front: clients and servers connect to other fronts only"
        return wrong(record, values, problem, f"{hint}, besides these")
    return good(record, values)


def _us(view: View) -> str:
    return "a front of this relay" if view.here.fronts else "this machine"


def unused_address(view: View, kind: str) -> Finding | None:
    """Judge A or AAAA if the relay does not use the protocol: there must be none."""
    values = view.published.values(view.domain, kind)
    if not values:
        return None
    record = DnsRecord(name=view.domain, type=kind, required=True, value="no record")
    protocol = "IPv6" if kind == "AAAA" else "IPv4"
    problem = f"this relay does not listen on {protocol}: connections of others fail"
    return wrong(record, values, problem, f"remove the {kind} record of {view.domain}")


def exchangers(record: DnsRecord, view: View) -> Finding:
    """Judge MX as a sender does (RFC 5321 section 5.1): every host is this machine."""
    values = view.published.values(record.name, "MX")
    hint = view.enter(record.name, "MX", record.value or "")
    if not values:
        return missing(record, "many servers send no mail to a domain without MX", hint)
    problems = [text for value in values if (text := _exchanger_problem(value, view))]
    if problems:
        return wrong(record, values, "; ".join(problems), f"{hint}; remove all others")
    return good(record, values)


def _exchanger_problem(value: str, view: View) -> str | None:
    target = host(value.split()[-1])
    if not target:
        return "a null MX: this domain accepts no mail (RFC 7505)"
    if view.published.alias(target):
        return f"{target} is an alias (CNAME), which MX must not name (RFC 2181 section 10.3)"
    if problem := _host_problem(target, view):
        return problem
    if view.checks_certificate and target != view.domain:
        return f"the certificate and the MTA-STS policy name {view.domain}, not {target}"
    return None


def _host_problem(target: str, view: View) -> str | None:
    addresses = view.published.addresses(target)
    if not addresses:
        return f"{target} has no IP address"
    foreign = view.foreign(target)
    return f"{target} leads to {_listed(foreign)}, not {_us(view)}" if foreign else None


def name(record: DnsRecord, view: View) -> Finding:
    """Judge a name of this machine: an alias or IP addresses that lead here."""
    values = view.published.values(record.name, "CNAME") or view.published.addresses(record.name)
    hint = view.enter(record.name, "CNAME", record.value or "")
    if not values:
        return missing(record, "the certificate is ordered for this name, too", hint)
    if problem := _host_problem(record.name, view):
        return wrong(record, values, problem, hint)
    return good(record, values)


def service(record: DnsRecord, view: View) -> Finding:
    """Judge SRV (RFC 6186): target and port; priority and weight may differ."""
    values = view.published.values(record.name, "SRV")
    hint = view.enter(record.name, "SRV", record.value or "")
    if not values:
        return missing(record, "some clients use it to find the server", hint)
    port = (record.value or "").split()[2]
    problems = [text for value in values if (text := _service_problem(value, port, view))]
    if problems:
        return wrong(record, values, "; ".join(problems), f"{hint}; remove all others")
    return good(record, values)


def _service_problem(value: str, port: str, view: View) -> str | None:
    fields = value.split()
    target = host(fields[-1])
    if not target:
        return "the target . means that there is no such service"
    if fields[2] != port:
        return f"it names port {fields[2]}, the service is on port {port}"
    if view.checks_certificate and target not in view.certified:
        return f"the certificate does not name {target}"
    return _host_problem(target, view)


def reverse_names(view: View) -> list[Finding]:
    """Judge the reverse name of each IP address: it leads back to it."""
    mine = [a for a in view.published.addresses(view.domain) if view.here.is_mine(a)]
    return [_reverse(ip, view) for ip in mine]


def _reverse(ip: str, view: View) -> Finding:
    pointer = ipaddress.ip_address(ip).reverse_pointer
    record = DnsRecord(name=pointer, type="PTR", required=False, value=f"{view.domain}.")
    names = view.published.values(pointer, "PTR")
    hint = f"at the provider of the IP address {ip}, set its reverse name to {view.domain}"
    if not names:
        problem = f"{ip} has no reverse name: large providers refuse mail from it"
        return missing(record, problem, hint)
    if not any(ip in map(_plain, view.published.addresses(name)) for name in names):
        problem = f"no reverse name of {ip} leads back to it: some servers refuse mail from it"
        return wrong(record, names, problem, hint)
    return good(record, names)


def _plain(address: str) -> str:
    return str(ipaddress.ip_address(address))


def _listed(values: tuple[str, ...] | list[str]) -> str:
    return ", ".join(values)
