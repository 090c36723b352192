"""`chatmail dns`: the zone to publish. Names are fully qualified; `dnscheck` compares."""

import re
from dataclasses import replace

from chatmaild.errors import ChatmaildError
from chatmaild.operator.cluster.fronts import addresses_of, advice, other_fronts
from chatmaild.operator.dnscheck.compare import check
from chatmaild.operator.dnscheck.findings import Finding
from chatmaild.operator.dnscheck.here import acme_accounts, own_address
from chatmaild.operator.dnscheck.published import Ask
from chatmaild.operator.dnscheck.report import look
from chatmaild.settings import DnsRecord, Settings

__all__ = [
    "Ask",
    "Finding",
    "check",
    "look",
    "own_address",
    "plain_line",
    "printed",
    "quoted",
    "records",
    "zone_line",
]

TTL_S = 3600
# RFC 1035 section 3.3: one character-string of a TXT record
MAX_STRING = 255


def records(settings: Settings) -> list[DnsRecord]:
    """Return the records to publish, with the public DKIM keys.

    Raises:
        ChatmaildError: a key does not exist yet.
        OSError: a key cannot be read.
    """
    accounts = acme_accounts(settings)
    account = accounts[0] if len(accounts) == 1 else None
    zone = [_with_dkim_value(settings, record) for record in settings.dns]
    return [_with_account(record, account) for record in zone]


def _with_account(record: DnsRecord, account: str | None) -> DnsRecord:
    """Restrict CAA to this machine's account at the certificate authority (RFC 8657)."""
    value = record.value or ""
    if record.type != "CAA" or account is None or not value.endswith('"'):
        return record
    return replace(record, value=f'{value[:-1]};accounturi={account}"')


def _with_dkim_value(settings: Settings, record: DnsRecord) -> DnsRecord:
    if record.dkim_selector is None:
        return record
    from chatmaild.dkim import keys

    try:
        key = keys.load_key(keys.key_path(settings, record.dkim_selector))
    except FileNotFoundError as error:
        raise ChatmaildError(
            f"there is no DKIM key for selector {record.dkim_selector} yet:"
            " start chatmail-filter.service, which makes it"
        ) from error
    return replace(record, value=keys.public_record(key))


def printed(settings: Settings, zone: list[DnsRecord], *, plain: bool) -> list[str]:
    """Return the zone as text, with what to publish for the other fronts of this relay."""
    others = other_fronts(settings)
    kinds = [record.type for record in zone if record.type in ("A", "AAAA")]
    at = next((n for n, r in enumerate(zone) if r.type not in ("A", "AAAA")), len(zone))
    hosts = [*zone[:at], *addresses_of(others, settings.domain)]
    whole = [*sorted(hosts, key=lambda record: record.type), *zone[at:]]
    if plain:
        return [plain_line(record) for record in whole]
    return [*map(zone_line, whole), *(f"; {line}" for line in advice(others, kinds))]


def zone_line(record: DnsRecord) -> str:
    """Return the record as a line of a zone file (RFC 1035 section 5.1)."""
    value = record.value or own_address(record.type)
    head = f"{record.name}. {TTL_S} IN {record.type}"
    if value is None:
        return f"; {head} (this machine has no such address)"
    return f"{head} {quoted(value) if record.type == 'TXT' else value}"


def plain_line(record: DnsRecord) -> str:
    """Return name, type and value separated by tabs, the value unquoted: for web forms."""
    value = record.value or own_address(record.type) or "-"
    return f"{record.name}\t{record.type}\t{value}"


def quoted(text: str) -> str:
    """Return the text as quoted strings of at most 255 characters."""
    pieces = [text[i : i + MAX_STRING] for i in range(0, len(text), MAX_STRING)]
    return " ".join('"' + re.sub(r'(["\\])', r"\\\1", piece) + '"' for piece in pieces)
