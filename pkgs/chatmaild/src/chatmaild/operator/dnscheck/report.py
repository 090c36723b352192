"""`chatmail dns --check`: check, print, and with --watch check again until all is right."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Final

from chatmaild.cli import EXIT_FAILED, print_lines
from chatmaild.errors import ChatmaildError
from chatmaild.operator.authority import find_authority
from chatmaild.operator.dnscheck.compare import check_all, view_of
from chatmaild.operator.dnscheck.findings import OK, Finding
from chatmaild.operator.dnscheck.here import here_of
from chatmaild.operator.dnscheck.lookups import Lookups
from chatmaild.settings import DnsRecord, Settings

# queries bypass caches; providers publish a change within minutes
WATCH_S: Final = 10.0

Look = Callable[[], list[Finding]]


def look(settings: Settings, zone: Sequence[DnsRecord]) -> list[Finding]:
    """Return the findings for the records that are published now.

    Raises:
        ChatmaildError: the name servers of the domain cannot be found.
    """
    authority = find_authority(settings.domain)
    ask = Lookups(authority=authority).ask
    return check_all(zone, view_of(zone, ask, here_of(settings), authority.zone))


def run(look: Look, domain: str, *, wants_json: bool, watches: bool) -> int:
    """Print the findings; with `watches` after each change, until they are right."""
    shown: list[str] = []
    while True:
        lines, right = _outcome(look, domain, wants_json=wants_json, watches=watches)
        if lines != shown:
            print_lines([*([""] if shown else []), *lines])
            shown = lines
        if right or not watches:
            return 0 if right else EXIT_FAILED
        time.sleep(WATCH_S)


def _outcome(look: Look, domain: str, *, wants_json: bool, watches: bool) -> tuple[list[str], bool]:
    """Return the text of one check, and whether all is right."""
    try:
        findings = look()
    except ChatmaildError as error:
        if not watches:
            raise
        return [f"error: {error}"], False
    lines = [as_json(domain, findings)] if wants_json else as_text(findings)
    return lines, is_right(findings)


def is_right(findings: Sequence[Finding]) -> bool:
    """Whether mail, logins and the certificate work with these records."""
    return not any(finding.is_fault for finding in findings)


def as_text(findings: Sequence[Finding]) -> list[str]:
    """Return the findings as lines, then one that sums up."""
    wrong = [finding for finding in findings if finding.state != OK]
    faults = sum(finding.is_fault for finding in wrong)
    lines = [line for finding in findings for line in finding.lines()]
    if not wrong:
        return [*lines, "all records are right"]
    return [*lines, f"{faults} required and {len(wrong) - faults} recommended records need care"]


def as_json(domain: str, findings: Sequence[Finding]) -> str:
    """Return the findings for programs."""
    document = {
        "domain": domain,
        "right": is_right(findings),
        "findings": [finding.as_json() for finding in findings],
    }
    return json.dumps(document, indent=2)
