"""When to order the certificate: as soon as DNS is right, but never too often for the issuer."""

import json
import socket
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from chatmail_nixos.files import write_atomically

# Let's Encrypt allows 5 failed validations an hour for an account and a name
FIRST_PAUSE_S = 15 * 60
LONGEST_PAUSE_S = 6 * 3600


class Step(StrEnum):
    """What to do about the certificate now."""

    DONE = "there is a certificate"
    WAIT_FOR_DNS = "the domain's records are not published yet"
    WAIT = "the last order failed; the next one follows by itself"
    ORDER = "ordering the certificate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Orders that failed, and when the last one was."""

    failed: int = 0
    last_s: float = 0.0

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what an earlier run kept; nothing usable means no order yet."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, TypeError, ValueError):
            return cls()

    def save(self, path: Path) -> None:
        """Keep it for the next run."""
        write_atomically(path, json.dumps(asdict(self)))

    def pause_s(self) -> float:
        """Seconds to wait after the last failed order: doubled each time, up to six hours."""
        if self.failed == 0:
            return 0.0
        return min(FIRST_PAUSE_S * 2.0 ** (self.failed - 1), LONGEST_PAUSE_S)


def names(domain: str) -> tuple[str, str, str]:
    """The names that the certificate is for."""
    return domain, f"www.{domain}", f"mta-sts.{domain}"


def next_step(
    *, ordered: bool, addresses: dict[str, frozenset[str]], orders: Orders, now_s: float
) -> Step:
    """Decide; `addresses` are those of every name of the certificate, empty for an unknown name."""
    if ordered:
        return Step.DONE
    found = set(addresses.values())
    if frozenset() in found or len(found) != 1:
        return Step.WAIT_FOR_DNS
    if now_s - orders.last_s < orders.pause_s():
        return Step.WAIT
    return Step.ORDER


def resolve(name: str) -> frozenset[str]:
    """The addresses of a name; none when it is not published or DNS is out of reach."""
    try:
        found = socket.getaddrinfo(name, None, proto=socket.IPPROTO_TCP)
    except OSError:
        return frozenset()
    return frozenset(str(entry[4][0]) for entry in found)
