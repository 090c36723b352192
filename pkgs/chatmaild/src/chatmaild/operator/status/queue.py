"""Postfix' queue by destination; domains, no addresses."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chatmaild.address import domain_of

DEADLINE_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Queued messages for a domain; `oldest_s` is the arrival time of the oldest one."""

    domain: str
    messages: int
    oldest_s: float


def listing() -> str:
    """The output of `postqueue -j` (postqueue(1), JSON object format).

    Raises:
        OSError: Postfix does not answer.
    """
    try:
        done = subprocess.run(
            ["postqueue", "-j"], capture_output=True, text=True, timeout=DEADLINE_S, check=True
        )
    except subprocess.CalledProcessError as error:
        raise OSError(error.stderr.strip() or "postqueue failed") from error
    except subprocess.TimeoutExpired as error:
        raise OSError(f"postqueue takes more than {DEADLINE_S:.0f} s") from error
    return done.stdout


def by_destination(text: str) -> list[Destination]:
    """The domains in a listing, most messages first."""
    found: dict[str, Destination] = {}
    for line in text.splitlines():
        document = json.loads(line)
        arrival_s = float(document["arrival_time"])
        for domain in {domain_of(recipient["address"]) for recipient in document["recipients"]}:
            known = found.get(domain)
            found[domain] = Destination(
                domain=domain,
                messages=1 + (known.messages if known else 0),
                oldest_s=min(arrival_s, known.oldest_s if known else arrival_s),
            )
    return sorted(found.values(), key=lambda d: (-d.messages, d.domain))


def messages(text: str) -> int:
    """The number of messages in a listing."""
    return len(text.splitlines())


def words(found: Sequence[Destination], total: int, *, now_s: float, most: int = 4) -> str:
    """One line: number, destinations, age."""
    if not total:
        return "empty"
    parts = [f"{d.messages} to {d.domain} (oldest {age(now_s - d.oldest_s)})" for d in found[:most]]
    if len(found) > most:
        parts.append(f"{len(found) - most} other domains")
    return f"{total} message{'' if total == 1 else 's'}: {', '.join(parts)}"


def age(seconds: float) -> str:
    """A duration in its largest unit."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
