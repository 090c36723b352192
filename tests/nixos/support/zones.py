"""Convert the zones that `chatmail dns` prints to local data of unbound."""

from __future__ import annotations

from collections.abc import Iterable

TTL_S = 10
ADDRESSES = ("A", "AAAA")


def local_data(records: Iterable[str]) -> str:
    """Lines of unbound.conf(5) for lines of a zone file, without comments and empty lines.

    unbound does not follow CNAME records of local data, so the name gets the target's addresses.
    """
    kept = [r.strip() for r in records if r.strip() and not r.strip().startswith(";")]
    lines: list[str] = []
    for record in kept:
        name, _, _, kind, value = record.split(maxsplit=4)
        if kind == "CNAME":
            same = [r.split(maxsplit=4) for r in kept]
            lines += [
                f"{name} {t} IN {k} {v}" for n, t, _, k, v in same if n == value and k in ADDRESSES
            ]
        else:
            lines.append(record)
    return "".join(f"local-data: '{line}'\n" for line in lines)


def address_records(domain: str, *, ipv4: str, ipv6: str | None = None) -> list[str]:
    """Address records, which a relay in a private network does not print."""
    records = [f"{domain}. {TTL_S} IN A {ipv4}"]
    return [*records, f"{domain}. {TTL_S} IN AAAA {ipv6}"] if ipv6 else records
