"""Port 25, outgoing and incoming."""

import smtplib
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from chatmaild.flow.last_seen import SILENT_S, LastSeen
from chatmaild.operator.selftest.https import HTTPS_PORT
from chatmaild.operator.selftest.mailing import HOST, encrypted_message, random_armour, unchecked
from chatmaild.operator.selftest.network.names import (
    addresses,
    exchanger,
    mail_domains_of,
    relays_of,
)
from chatmaild.operator.selftest.people import STRANGER, Person
from chatmaild.operator.selftest.report import Check, failed, ok, skipped, warned
from chatmaild.settings import Settings

OUT: Final = "port-25-out"
IN: Final = "port-25-in"
SMTP_PORT: Final = 25
# blocked packets get no answer; Postfix itself waits for 15 s
CONNECT_S: Final = 4.0
LOCAL_S: Final = 8.0
# RFC 5321 section 4.2: the greeting of a server that is ready
READY: Final = b"220"
NO_PROOF: Final = "5.7.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A connection to a host; `outcome` is `answered`, `refused`, `silent` or `unknown`."""

    name: str
    outcome: str


def check_out(settings: Settings) -> Check:
    """Connect to the mail servers of others, and decide."""
    domains = mail_domains_of(settings)
    if not domains:
        return skipped(OUT, "services.chatmail.selftest names no other mail server")
    relays = relays_of(settings)
    with ThreadPoolExecutor(len(domains) + len(relays)) as threads:
        over_smtp = threads.map(_smtp, domains)
        over_https = threads.map(_https, relays)
        return judge_out(list(over_smtp), list(over_https))


def judge_out(over_smtp: Sequence[Attempt], over_https: Sequence[Attempt]) -> Check:
    """Decide: one answer proves that the port is open."""
    answered = _names(over_smtp, "answered")
    if answered:
        return ok(
            OUT,
            f"open outwards: {len(answered)} of {len(over_smtp)} mail servers answered"
            f" ({', '.join(answered)})",
        )
    if all(attempt.outcome == "unknown" for attempt in over_smtp):
        return failed(
            OUT,
            "no mail server could be tested: the resolver finds none of their names",
            "chatmail selftest --only resolver",
        )
    tried = [attempt for attempt in over_smtp if attempt.outcome != "unknown"]
    how = "refused" if any(a.outcome == "refused" for a in tried) else "silent"
    by_https = _names(over_https, "answered")
    return failed(OUT, f"{_blocked(tried, how)}; {_still_works(over_https, by_https)}", _ask(how))


def check_in(settings: Settings, recipient: Person | None) -> Check:
    """Offer port 25 a message without a signature, and read when others last offered mail."""
    answer = _offer(settings, recipient) if recipient else ""
    seen_s = LastSeen.of(settings).time_s()
    return judge_in(answer, settings.domain, seen_s=seen_s, now_s=time.time())


def judge_in(answer: str, domain: str, *, seen_s: float | None, now_s: float) -> Check:
    """Decide; `answer` is the reply to the message, empty without a recipient."""
    if answer and NO_PROOF not in answer:
        return failed(
            IN,
            f"port 25 answered a message without a signature with: {answer[:80]}",
            "journalctl --unit postfix --unit chatmail-filter",
        )
    here = "Postfix and the filter answer on port 25 of this machine"
    if seen_s is not None and now_s - seen_s < SILENT_S:
        return ok(
            IN, f"open inwards: a mail server of others offered mail at {_when(seen_s)}; {here}"
        )
    since = "since the filter started" if seen_s is None else f"since {_when(seen_s)}"
    return warned(
        IN,
        f"{here}; no mail server of others offered mail {since}, so it is unknown whether port 25"
        " is open inwards",
        f"from another machine: nc -vz {domain} 25; if that fails: openFirewall, the router, then"
        " the provider (relays then still deliver by HTTPS on port 443)",
    )


def _smtp(domain: str) -> Attempt:
    host = exchanger(domain)
    found = addresses(host) if host else []
    return Attempt(name=domain, outcome=_greets(found, SMTP_PORT) if found else "unknown")


def _https(relay: str) -> Attempt:
    found = addresses(relay)
    return Attempt(name=relay, outcome=_greets(found, HTTPS_PORT) if found else "unknown")


def _greets(found: list[str], port: int) -> str:
    """Connect to one IP address of a host; on port 25 wait for its greeting and say QUIT."""
    try:
        with socket.create_connection((found[0], port), timeout=CONNECT_S) as connection:
            if port != SMTP_PORT:
                return "answered"
            greeting = connection.recv(512)
            connection.sendall(b"QUIT\r\n")
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "silent"
    # 421, 450 and 554 also prove that the port is open
    return "answered" if greeting[:1].isdigit() else "silent"


def _names(attempts: Sequence[Attempt], outcome: str) -> list[str]:
    return [attempt.name for attempt in attempts if attempt.outcome == outcome]


def _blocked(tried: Sequence[Attempt], how: str) -> str:
    did = "answered within 4 s" if how == "silent" else "let us connect"
    return f"blocked outwards: none of {len(tried)} mail servers {did}"


def _still_works(over_https: Sequence[Attempt], by_https: Sequence[str]) -> str:
    if by_https:
        return (
            f"port 443 is open ({', '.join(by_https)}), so mail to other relays still goes by"
            " HTTPS; mail to classic servers waits in the queue, then returns"
        )
    if over_https:
        return "port 443 is blocked, too: no mail leaves this machine"
    return "mail to relays may still go by HTTPS, mail to classic servers waits in the queue"


def _ask(how: str) -> str:
    first = "check the rules of this machine: nft list ruleset"
    if how == "refused":
        return f"{first}; a firewall of this machine or of the provider refuses it"
    return f"{first}; then ask the provider of this machine to open TCP port 25 outwards"


def _offer(settings: Settings, recipient: Person) -> str:
    content = encrypted_message(STRANGER, recipient, random_armour())
    with smtplib.SMTP(
        HOST, settings.ports.smtp, local_hostname="selftest.invalid", timeout=LOCAL_S
    ) as session:
        session.starttls(context=unchecked())
        session.ehlo()
        for code, text in (
            session.mail(str(STRANGER.address)),
            session.rcpt(str(recipient.address)),
        ):
            if code != 250:
                return f"{code} {text.decode(errors='replace')}"
        code, text = session.data(content)
    return f"{code} {text.decode(errors='replace')}"


def _when(time_s: float) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M} UTC"
