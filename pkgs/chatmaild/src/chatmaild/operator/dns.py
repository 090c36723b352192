"""`chatmail dns`: print the zone to publish, or compare it with what is published.

Names are fully qualified. The comparison queries an authoritative server, so no cache delays it.
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
# public IP addresses; connecting a UDP socket sends nothing
_OUTSIDE = {"A": (socket.AF_INET, "9.9.9.9"), "AAAA": (socket.AF_INET6, "2620:fe::fe")}

# name and type -> published values in presentation form; empty for none
Ask = Callable[[str, str], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A record and its state: `ok`, `missing` or `differs`."""

    record: DnsRecord
    state: str
    published: tuple[str, ...] = ()

    def line(self) -> str:
        """Return one line of text."""
        weight = "required" if self.record.required else "recommended"
        text = f"{self.state:<8} {weight:<12} {self.record.name} {self.record.type}"
        if self.state == "ok":
            return text
        wanted = self.record.value or "the address of this machine"
        there = f", published: {'; '.join(self.published)}" if self.published else ""
        return f"{text}, expected: {wanted}{there}"


def records(settings: Settings) -> list[DnsRecord]:
    """Return the records to publish, with the public DKIM keys.

    Raises:
        ChatmaildError: a key does not exist yet.
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
    """Return the source IP address of this machine towards the Internet, for `A` or `AAAA`."""
    family, outside = _OUTSIDE[kind]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((outside, 53))
            return str(probe.getsockname()[0])
    except OSError:
        return None


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


def check(zone: list[DnsRecord], ask: Ask) -> list[Finding]:
    """Compare each record with what is published.

    A record without a value may have any. TXT and CAA records may stand beside others of their
    name; of every other type the expected value must be the only one.
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
    """Return a value in canonical form: TXT as one string, names in lower case."""
    if kind != "TXT":
        return " ".join(value.lower().split())
    if value.startswith('"'):
        strings = re.findall(r'"((?:[^"\\]|\\.)*)"', value)
        value = re.sub(r"\\(.)", r"\1", "".join(strings))
    return re.sub(r"\s*;\s*", ";", value.strip()).removesuffix(";")
