"""What public lists of relays and their probers test, beyond a relay that works.

Lists such as chatmail.at/relays want open registration and a contact. Probers create addresses and
write from each relay to each other (cmping), and read METADATA (cmrelayinfo): TURN, iroh,
recipients, quota. Other servers read DMARC, SPF and MTA-STS.
"""

import socket
from collections.abc import Callable
from typing import Final

from chatmaild.accounts.registration import RegistrationSwitch
from chatmaild.operator.cluster import remote
from chatmaild.operator.selftest.https import ask_own
from chatmaild.operator.selftest.machine import web
from chatmaild.operator.selftest.mailing import HOST
from chatmaild.operator.selftest.network.names import NoAnswerError, records
from chatmaild.operator.selftest.report import Check, failed, ok, skipped, warned
from chatmaild.operator.selftest.run import Bench, Run
from chatmaild.settings import Settings

NAME: Final = "listed-name"
OPEN: Final = "listed-open"
PORTS: Final = "listed-ports"
CONTACT: Final = "listed-contact"
PRIVACY: Final = "listed-privacy"
DMARC: Final = "listed-dmarc"
SPF: Final = "listed-spf"
MTA_STS: Final = "listed-mta-sts"
CALLS: Final = "listed-calls"
REALTIME: Final = "listed-realtime"
PUBLISH: Final = "publish what `chatmail dns` prints"
NO_RECORDS: Final = "an IP-only relay has no records"
CONNECT_S: Final = 5.0


def check_name(settings: Settings) -> Check:
    """Clients create addresses without a question, so the certificate must be trusted."""
    if settings.tls.trusted:
        return ok(NAME, f"{settings.domain} has a trusted certificate")
    return failed(
        NAME,
        "a name with `_` or an IP address has no trusted certificate: lists accept domains only",
        "set services.chatmail.domain to a public domain name",
    )


def check_open(settings: Settings) -> Check:
    """Everybody can create an address, and apps can do so by themselves."""
    if not _is_open(settings):
        return failed(
            OPEN,
            "registration is closed: probers cannot create addresses",
            "chatmail registration open",
        )
    if settings.registration.automatic == "refuse":
        return warned(
            OPEN,
            "apps may not create addresses by themselves: Delta Chat's list is for those that may",
            'services.chatmail.registration.automatic = "allow"',
        )
    return ok(OPEN, "everybody can create an address")


def check_ports(settings: Settings) -> Check:
    """Every port of clients and relays answers."""
    p = settings.ports
    wanted = [p.smtp, p.imap, p.imaps, p.submission, p.submissions]
    if settings.web.port443 != "off":
        wanted += [p.http, p.https]
    closed = [str(port) for port in wanted if not _listens(port)]
    if closed:
        return failed(
            PORTS, f"nothing answers on port {', '.join(closed)}", "chatmail selftest --only units"
        )
    return ok(PORTS, f"ports {', '.join(map(str, wanted))} answer on this machine")


def check_contact(settings: Settings) -> Check:
    """People and operators of lists can write to the operator."""
    if settings.contact.mail:
        return ok(CONTACT, "METADATA and the privacy policy name a contact")
    return failed(
        CONTACT,
        "no contact: users cannot reach the operator",
        'set services.chatmail.web.contact.mail = "you@example.org"',
    )


def check_privacy(settings: Settings) -> Check:
    """The privacy policy is served."""
    status, body = ask_own(settings, "GET", "/privacy.html")
    if status in (301, 302, 303, 308) or (status == 200 and body):
        return ok(PRIVACY, "the privacy policy is served")
    return failed(
        PRIVACY,
        f"/privacy.html answers {status}: there is no privacy policy",
        "services.chatmail.web.enable = true, or serve your own",
    )


def check_dmarc(settings: Settings) -> Check:
    """Servers refuse mail that others send as this domain (RFC 7489)."""
    if not settings.dkim.enable:
        return skipped(DMARC, NO_RECORDS)
    return _text_record(DMARC, f"_dmarc.{settings.domain}", "v=DMARC1", "p=reject")


def check_spf(settings: Settings) -> Check:
    """One SPF record: two are an error to receivers (RFC 7208 section 4.5)."""
    if not settings.dkim.enable:
        return skipped(SPF, NO_RECORDS)
    return _text_record(SPF, settings.domain, "v=spf1", "")


def check_mta_sts(settings: Settings) -> Check:
    """Other servers require TLS (RFC 8461): the record, and the policy."""
    if not settings.tls.trusted:
        return skipped(MTA_STS, "a relay without a trusted certificate has no policy")
    record = _text_record(MTA_STS, f"_mta-sts.{settings.domain}", "v=STSv1", settings.mta_sts.id)
    if record.verdict != "ok":
        return record
    status, body = ask_own(
        settings, "GET", "/.well-known/mta-sts.txt", host=f"mta-sts.{settings.domain}"
    )
    if status != 200 or b"STSv1" not in body:
        return failed(MTA_STS, f"the policy answers {status}", "systemctl restart nginx")
    return record


def check_calls(settings: Settings) -> Check:
    """Probers look for TURN credentials."""
    if settings.turn.enable:
        return ok(CALLS, "the relay offers TURN")
    return warned(
        CALLS, "no TURN: calls between networks fail", "services.chatmail.turn.enable = true"
    )


def check_realtime(settings: Settings) -> Check:
    """Probers look for an iroh relay."""
    if settings.iroh.url:
        return ok(REALTIME, "the relay names an iroh relay")
    return warned(
        REALTIME,
        "no iroh relay: realtime channels of apps work only within one network",
        "services.chatmail.iroh.enable = true",
    )


def _is_open(settings: Settings) -> bool:
    """Whether everybody can create an address, on every store of a front."""
    if settings.cluster.role != "front":
        return RegistrationSwitch(settings).is_open
    told = remote.run_on_all(settings, web.STATUS).values()
    return all(one.out.startswith("open") for one in told)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=CONNECT_S):
            return True
    except OSError:
        return False


def _text_record(name: str, where: str, version: str, part: str) -> Check:
    try:
        found = [text.replace('" "', "").strip('"') for text in records(where, "TXT")]
    except NoAnswerError:
        return warned(name, f"DNS gave no answer about {where}", "chatmail dns --check")
    texts = [text for text in found if text.lower().startswith(version.lower())]
    if len(texts) != 1:
        count = "no" if not texts else str(len(texts))
        return failed(name, f"{where} has {count} records {version}; there must be one", PUBLISH)
    if part.lower() not in texts[0].lower().replace(" ", ""):
        return failed(name, f"the record of {where} does not say {part}", PUBLISH)
    return ok(name, f"{where} says {version}")


def _with_settings(check: Callable[[Settings], Check]) -> Run:
    def call(bench: Bench) -> Check:
        return check(bench.settings)

    return call


CHECKS: Final[dict[str, Run]] = {
    name: _with_settings(check)
    for name, check in (
        (NAME, check_name),
        (OPEN, check_open),
        (PORTS, check_ports),
        (CONTACT, check_contact),
        (PRIVACY, check_privacy),
        (DMARC, check_dmarc),
        (SPF, check_spf),
        (MTA_STS, check_mta_sts),
        (CALLS, check_calls),
        (REALTIME, check_realtime),
    )
}
