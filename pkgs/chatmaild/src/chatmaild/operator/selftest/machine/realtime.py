"""The relay of realtime channels (iroh), as clients reach it: through the web server."""

from typing import Final

from chatmaild.operator.selftest.https import ask_own
from chatmaild.operator.selftest.report import Check, failed, ok, skipped
from chatmaild.settings import Settings

NAME: Final = "realtime"
# iroh's clients ask for it to see whether the network is open
PROBE: Final = "/generate_204"
REPAIR: Final = "systemctl restart iroh-relay; if that fails: journalctl --unit iroh-relay"


def check(settings: Settings) -> Check:
    """Ask iroh-relay for an empty answer."""
    if not settings.iroh.runs:
        return skipped(NAME, "this machine runs no iroh relay")
    status, _ = ask_own(settings, "GET", PROBE)
    return judge(status)


def judge(status: int) -> Check:
    """Decide: nginx answers 502 if nothing listens behind it."""
    if status == 204:
        return ok(NAME, "the iroh relay answers")
    return failed(
        NAME,
        f"the iroh relay does not answer ({status}): realtime channels of apps do not connect",
        REPAIR,
    )
