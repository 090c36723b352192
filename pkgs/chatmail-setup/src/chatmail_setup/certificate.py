"""Orders the certificate once DNS is right, within the rate limits of Let's Encrypt."""

import json
import socket
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from chatmail_upgrade import process
from chatmail_upgrade.files import write_atomically

# Let's Encrypt allows 5 failed validations an hour for an account and a name
FIRST_PAUSE_S: Final = 15 * 60
LONGEST_PAUSE_S: Final = 6 * 3600
ORDER_DEADLINE_S: Final = 600.0


class Step(StrEnum):
    """What to do about the certificate now; the values are shown on the screen."""

    DONE = "there is a certificate"
    WAIT_FOR_DNS = "the domain's records are not published yet"
    WAIT = "the last order failed; the next one follows by itself"
    ORDER = "ordering the certificate"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedOrders:
    """The number of failed orders, and the time of the last one."""

    failed: int = 0
    last_s: float = 0.0

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file of an earlier run; an unreadable one counts as no order."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, TypeError, ValueError):
            return cls()

    def save(self, path: Path) -> None:
        """Write the file for the next run."""
        write_atomically(path, json.dumps(asdict(self)))

    def pause_s(self) -> float:
        """Seconds to wait after the last order: doubled with each failure, at most 6 hours."""
        if self.failed == 0:
            return 0.0
        return min(FIRST_PAUSE_S * 2.0 ** (self.failed - 1), LONGEST_PAUSE_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The certificate of a domain; `directory` is NixOS' state of ACME."""

    domain: str
    orders: Path
    directory: Path = Path("/var/lib/acme")

    @property
    def issued(self) -> bool:
        """Whether the issuer has signed it; NixOS writes this file then."""
        return (self.directory / self.domain / "acme-success").exists()

    def step(self) -> Step:
        """What to do now."""
        issued = self.issued
        found = {} if issued else {name: resolve(name) for name in names(self.domain)}
        orders = FailedOrders.load(self.orders)
        return next_step(issued=issued, addresses=found, orders=orders, now_s=time.time())

    def order(self) -> Step:
        """Order the certificate if it is time; returns what was decided."""
        step = self.step()
        if step is Step.ORDER:
            unit = f"acme-order-renew-{self.domain}.service"
            process.run(["systemctl", "start", unit], deadline_s=ORDER_DEADLINE_S)
            if not self.issued:
                failed = FailedOrders.load(self.orders).failed + 1
                FailedOrders(failed=failed, last_s=time.time()).save(self.orders)
        return step


def names(domain: str) -> tuple[str, str, str]:
    """The names in the certificate."""
    return domain, f"www.{domain}", f"mta-sts.{domain}"


def next_step(
    *, issued: bool, addresses: dict[str, frozenset[str]], orders: FailedOrders, now_s: float
) -> Step:
    """Decide; `addresses` has the IP addresses of each name, empty for an unpublished one."""
    if issued:
        return Step.DONE
    found = set(addresses.values())
    if frozenset() in found or len(found) != 1:
        return Step.WAIT_FOR_DNS
    if now_s - orders.last_s < orders.pause_s():
        return Step.WAIT
    return Step.ORDER


def resolve(name: str) -> frozenset[str]:
    """The IP addresses of a name; none if it is not published or DNS does not answer."""
    try:
        found = socket.getaddrinfo(name, None, proto=socket.IPPROTO_TCP)
    except OSError:
        return frozenset()
    return frozenset(str(entry[4][0]) for entry in found)
