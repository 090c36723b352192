"""What a name server of test machines serves: the zones that relays print, for unbound."""

from __future__ import annotations

from collections.abc import Iterable

TTL_S = 10


def local_data(records: Iterable[str]) -> str:
    """Lines of unbound.conf(5) for lines of a zone file; comments and empty lines go away."""
    kept = (record.strip() for record in records)
    return "".join(f"local-data: '{record}'\n" for record in kept if record and record[0] != ";")


def address_records(domain: str, *, ipv4: str, ipv6: str | None = None) -> list[str]:
    """The machine's own addresses, which a relay in a private network does not print."""
    records = [f"{domain}. {TTL_S} IN A {ipv4}"]
    return [*records, f"{domain}. {TTL_S} IN AAAA {ipv6}"] if ipv6 else records
