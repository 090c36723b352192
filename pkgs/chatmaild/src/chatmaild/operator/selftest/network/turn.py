"""STUN and TURN, which calls need."""

from typing import Final

from chatmaild.operator import dns
from chatmaild.operator.selftest.mailing import HOST, imap_session
from chatmaild.operator.selftest.network import stun
from chatmaild.operator.selftest.people import Person
from chatmaild.operator.selftest.report import Check, failed, ok, skipped
from chatmaild.settings import Settings

STUN: Final = "stun"
TURN: Final = "turn"
KEY: Final = "/shared/vendor/deltachat/turn"
REPAIR: Final = "systemctl restart coturn; if that fails: journalctl --unit coturn"
OFF: Final = "services.chatmail.turn.enable is false"


def check_stun(settings: Settings) -> Check:
    """Ask coturn for the IP address that it sees."""
    if not settings.turn.enable:
        return skipped(STUN, OFF)
    try:
        stun.own_address(server(settings))
    except OSError as error:
        return failed(STUN, f"coturn does not answer ({error}): calls may not connect", REPAIR)
    return ok(STUN, "coturn answers")


def check_turn(settings: Settings, person: Person) -> Check:
    """Allocate a port with the credential of IMAP METADATA, and give it back."""
    if not settings.turn.enable:
        return skipped(TURN, OFF)
    with imap_session(settings, person) as client:
        credential = client.metadata(KEY)
    if credential is None or credential.count(":") < 3:
        return failed(
            TURN,
            "METADATA has no credential: calls between networks do not connect",
            "systemctl restart chatmail-turn-secret chatmail-accounts",
        )
    _, _, name, password = credential.rsplit(":", 3)
    try:
        stun.allocate(server(settings), name, password)
    except OSError as error:
        return failed(TURN, f"coturn gives no port ({error}): calls may not connect", REPAIR)
    return ok(TURN, "coturn allocates a port with the credential of METADATA")


def server(settings: Settings) -> tuple[str, int]:
    """IP address and port of coturn, as clients reach it."""
    kind = "A" if settings.network.ipv4 else "AAAA"
    return dns.own_address(kind) or HOST, settings.turn.port
