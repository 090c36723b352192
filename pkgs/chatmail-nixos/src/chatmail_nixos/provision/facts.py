"""What the machine knows about itself, gathered for the screen."""

import json
import time
from pathlib import Path

from chatmail_nixos import process
from chatmail_nixos.provision.certificate import Orders, Step, names, next_step, resolve
from chatmail_nixos.provision.status import Phase, State, View, parse_addresses, view

ASK_DEADLINE_S = 20.0
# written by NixOS once an issuer has signed
ACME_SUCCESS = "acme-success"


def certificate_step(domain: str, *, acme: Path, orders: Path) -> Step:
    """What is to be done about the certificate of a domain now."""
    ordered = (acme / domain / ACME_SUCCESS).exists()
    found = {} if ordered else {name: resolve(name) for name in names(domain)}
    return next_step(
        ordered=ordered, addresses=found, orders=Orders.load(orders), now_s=time.time()
    )


def order_certificate(domain: str, *, acme: Path, orders: Path) -> Step:
    """Order the certificate when it is time to; the answer is what was decided."""
    step = certificate_step(domain, acme=acme, orders=orders)
    if step is Step.ORDER:
        unit = f"acme-order-renew-{domain}.service"
        process.run(["systemctl", "start", unit], deadline_s=600)
        if not (acme / domain / ACME_SUCCESS).exists():
            failed = Orders.load(orders).failed + 1
            Orders(failed=failed, last_s=time.time()).save(orders)
    return step


def gather(state_path: Path, *, acme: Path, lasting: Path, port: int) -> View:
    """Ask the machine for everything that is shown."""
    state = State.load(state_path)
    zone = certificate = None
    if state.phase is Phase.RUNNING and state.domain:
        done = process.run(["chatmail", "dns"], deadline_s=ASK_DEADLINE_S)
        zone = done.output if done.ok else None
        certificate = certificate_step(
            state.domain, acme=acme, orders=lasting / "orders.json"
        ).value
    listing = process.run(["ip", "-json", "address"], deadline_s=ASK_DEADLINE_S)
    return view(
        state=state,
        zone=zone,
        certificate=certificate,
        upgrade=_last_upgrade(),
        addresses=parse_addresses(listing.output),
        page_port=port,
    )


def _last_upgrade() -> str | None:
    try:
        report = json.loads(Path("/var/lib/chatmail-upgrade/last-report.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    return f"{report['started']}: {report['outcome']}"
