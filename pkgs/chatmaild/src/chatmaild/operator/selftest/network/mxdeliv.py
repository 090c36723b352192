"""Delivery over HTTPS: from other relays to this one, and from this one to others."""

import http.client
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from chatmaild.flow.last_seen import HTTPS, SILENT_S, LastSeen
from chatmaild.operator.privileges import acting_as
from chatmaild.operator.selftest.https import ask_own, status_of
from chatmaild.operator.selftest.mailing import HOST, encrypted_message, random_armour
from chatmaild.operator.selftest.network.names import addresses, relays_of
from chatmaild.operator.selftest.people import STRANGER, Person
from chatmaild.operator.selftest.report import Check, Verdict, failed, ok, warned
from chatmaild.settings import Settings

IN: Final = "mxdeliv-in"
OUT: Final = "mxdeliv-out"
PATH: Final = "/mxdeliv"
GATEWAY_S: Final = 5.0
# reply to GET of a relay that has the path: only POST is allowed
NOT_ALLOWED: Final = 405
NO_PROOF: Final = b"5.7.1"
REFUSED: Final = 400


def check_in(settings: Settings, recipient: Person) -> Check:
    """Deliver a message without a signature, as a relay would: the filter must refuse it."""
    content = encrypted_message(STRANGER, recipient, random_armour())
    headers = (
        ("X-Mail-From", str(STRANGER.address)),
        ("X-Mail-To", str(recipient.address)),
        ("Content-Type", "application/octet-stream"),
    )
    found = judge_in(*ask_own(settings, "POST", PATH, content, headers))
    since_s = LastSeen.of(settings, HTTPS).silent_since_s()
    return judge_silence(found, settings.domain, since_s=since_s, now_s=time.time())


def judge_silence(check: Check, domain: str, *, since_s: float | None, now_s: float) -> Check:
    """The check, or a warning if no other relay offered mail for a week: it cannot be tested."""
    if check.verdict is not Verdict.OK or since_s is None or now_s - since_s < SILENT_S:
        return check
    return warned(
        IN,
        f"{check.sentence}; no other relay offered mail over HTTPS for"
        f" {(now_s - since_s) / 86400:.0f} days, so it is unknown whether port 443 is open inwards",
        f"from another machine: nc -vz {domain} 443; if that fails: openFirewall, the router, then"
        " the provider (relays then still deliver on port 25)",
    )


def judge_in(status: int, body: bytes) -> Check:
    """Decide: the refusal shows that nginx, the transport, Postfix and the filter work together."""
    if status == REFUSED and NO_PROOF in body:
        return ok(IN, "the filter refused a message without a signature")
    said = body[:80].decode("ascii", "replace").strip().splitlines()[:1]
    text = f"{status} {said[0] if said and '<' not in said[0] else ''}".strip()
    return failed(
        IN,
        f"a message from another relay gets {text}: mail from relays does not arrive over HTTPS",
        "systemctl restart chatmail-transport; journalctl --unit chatmail-transport --unit nginx",
    )


def gateway(settings: Settings) -> socket.socket | OSError:
    """A connection to the gateway, which serves Postfix only; do not call this in a thread.

    It changes the effective user, which belongs to the whole process.
    """
    try:
        with acting_as(settings.users.postfix):
            return socket.create_connection((HOST, settings.ports.transport_smtp), GATEWAY_S)
    except OSError as error:
        return error


def check_out(settings: Settings, connection: socket.socket | OSError) -> Check:
    """Read the greeting of the gateway, and ask other relays for the path."""
    if (problem := _gateway_problem(connection)) is not None:
        return failed(
            OUT,
            f"Postfix cannot hand mail to chatmail-transport ({problem}): mail to relays goes by"
            " SMTP, or waits",
            "systemctl restart chatmail-transport; journalctl --unit chatmail-transport",
        )
    relays = relays_of(settings)
    if not relays:
        return ok(OUT, "the gateway answers; services.chatmail.selftest.relays names no relay")
    with ThreadPoolExecutor(len(relays)) as threads:
        return judge_out(dict(zip(relays, threads.map(_takes_mail, relays), strict=True)))


def judge_out(found: dict[str, bool | None]) -> Check:
    """Decide: one relay that answers is enough; None is a name without an IP address."""
    answered = [name for name, takes in found.items() if takes]
    if answered:
        return ok(
            OUT,
            f"the gateway answers; {len(answered)} of {len(found)} other relays take mail by HTTPS",
        )
    if all(takes is None for takes in found.values()):
        return failed(
            OUT,
            "no other relay could be tested: the resolver finds none of their names",
            "chatmail selftest --only resolver",
        )
    return failed(
        OUT,
        f"none of {len(found)} other relays can be reached on port 443: mail to relays goes by"
        " SMTP, or waits",
        "check the rules of this machine: nft list ruleset; then ask its provider about TCP port"
        " 443, outgoing",
    )


def _gateway_problem(connection: socket.socket | OSError) -> str | None:
    if isinstance(connection, OSError):
        return connection.strerror or type(connection).__name__
    try:
        with connection:
            greeting = connection.recv(512)
            connection.sendall(b"QUIT\r\n")
    except OSError as error:
        return error.strerror or type(error).__name__
    return None if greeting.startswith(b"220") else "it does not greet"


def _takes_mail(relay: str) -> bool | None:
    if not addresses(relay):
        return None
    try:
        return status_of(relay, PATH) == NOT_ALLOWED
    except (OSError, http.client.HTTPException):
        return False
