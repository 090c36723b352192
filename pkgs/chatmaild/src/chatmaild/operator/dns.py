"""`chatmail dns`: the zone to publish, and whether it is published.

Names are fully qualified. The comparison asks an authoritative server directly, so that neither a
cache nor a time to live stands between a change and its check.
"""

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from chatmaild.errors import ChatmaildError
from chatmaild.settings import DnsRecord, Settings

TTL_S = 3600
# RFC 1035 section 3.3: one character-string of a TXT record
MAX_STRING = 255
# addresses on the open Internet; connecting a UDP socket sends nothing
_OUTSIDE = {"A": (socket.AF_INET, "9.9.9.9"), "AAAA": (socket.AF_INET6, "2620:fe::fe")}

# values published under a name and type, in presentation form; empty for none
Ask = Callable[[str, str], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How a record is published: `ok`, `missing` or `differs`."""

    record: DnsRecord
    state: str
    published: tuple[str, ...] = ()

    def line(self) -> str:
        """One line for a person."""
        weight = "required" if self.record.required else "recommended"
        text = f"{self.state:<8} {weight:<12} {self.record.name} {self.record.type}"
        if self.state == "ok":
            return text
        wanted = self.record.value or "the address of this machine"
        there = f", published: {'; '.join(self.published)}" if self.published else ""
        return f"{text}, expected: {wanted}{there}"


def records(settings: Settings) -> list[DnsRecord]:
    """The records with the values of the DKIM keys filled in.

    Raises:
        ChatmaildError: a key was not made yet.
        OSError: a key cannot be read.
    """
    return [_with_dkim_value(settings, record) for record in settings.dns]


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


def own_address(kind: str) -> str | None:
    """The address that this machine has on its way to the Internet (`A` or `AAAA`)."""
    family, outside = _OUTSIDE[kind]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((outside, 53))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def zone_line(record: DnsRecord) -> str:
    """The record in the form of a zone file (RFC 1035 section 5.1)."""
    value = record.value or own_address(record.type)
    head = f"{record.name}. {TTL_S} IN {record.type}"
    if value is None:
        return f"; {head} (this machine has no such address)"
    return f"{head} {quoted(value) if record.type == 'TXT' else value}"


def plain_line(record: DnsRecord) -> str:
    """Name, type and value, the value in one piece: for the forms of a web site."""
    value = record.value or own_address(record.type) or "-"
    return f"{record.name}\t{record.type}\t{value}"


def quoted(text: str) -> str:
    """The text as quoted strings of at most 255 characters."""
    pieces = [text[i : i + MAX_STRING] for i in range(0, len(text), MAX_STRING)]
    return " ".join('"' + re.sub(r'(["\\])', r"\\\1", piece) + '"' for piece in pieces)


def check(zone: list[DnsRecord], ask: Ask) -> list[Finding]:
    """How each record is published.

    A record without a value may have any; a TXT record may stand beside others of its name, all
    else must be exactly what is expected.
    """
    return [_find(record, tuple(ask(record.name, record.type))) for record in zone]


def _find(record: DnsRecord, published: tuple[str, ...]) -> Finding:
    if not published:
        return Finding(record=record, state="missing")
    values = {normal(record.type, value) for value in published}
    wanted = None if record.value is None else normal(record.type, record.value)
    alone = record.type not in ("TXT", "CAA")
    if wanted is None or (values == {wanted} if alone else wanted in values):
        return Finding(record=record, state="ok", published=published)
    return Finding(record=record, state="differs", published=published)


def normal(kind: str, value: str) -> str:
    """A value in the form that is compared: TXT in one piece, names in lower case."""
    if kind != "TXT":
        return " ".join(value.lower().split())
    if value.startswith('"'):
        strings = re.findall(r'"((?:[^"\\]|\\.)*)"', value)
        value = re.sub(r"\\(.)", r"\1", "".join(strings))
    return re.sub(r"\s*;\s*", ";", value.strip()).removesuffix(";")
