"""Asks the machine for everything that is shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from chatmail_upgrade import process
from chatmail_upgrade.history import History

from chatmail_setup.certificate import Certificate
from chatmail_setup.screen.view import View, parse_addresses, view
from chatmail_setup.state import Phase, State

ASK_DEADLINE_S: Final = 20.0


def gather(
    state_file: Path, *, certificate: Callable[[str], Certificate], history: History, port: int
) -> View:
    """Read the state, the zone, the certificate, the last upgrade and the IP addresses."""
    state = State.load(state_file)
    zone = step = None
    if state.phase is Phase.RUNNING and state.domain:
        done = process.run(["chatmail", "dns"], deadline_s=ASK_DEADLINE_S)
        zone = done.output if done.ok else None
        step = certificate(state.domain).step().value
    listing = process.run(["ip", "-json", "address"], deadline_s=ASK_DEADLINE_S)
    report = history.last_report()
    return view(
        state=state,
        zone=zone,
        certificate=step,
        upgrade=None if report is None else f"{report.started}: {report.outcome}",
        addresses=parse_addresses(listing.output),
        page_port=port,
    )
