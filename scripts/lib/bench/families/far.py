"""Messages to another relay, over HTTPS and over SMTP. The bare relay knows SMTP only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from bench.families.throughput import measure
from bench.first_contact import first_contact
from bench.rows import Family, Row
from bench.sides import RELAYS, Figures, Side

_TO: Final = ("--to", RELAYS[1])
# refuses HTTPS to other hosts at once, so SMTP is used
NO_HTTPS: Final = """
table inet bench {
  chain out {
    type filter hook output priority 0
    oif != "lo" tcp dport 443 reject with tcp reset
  }
}
"""


@contextlib.contextmanager
def _without_https(side: Side) -> Iterator[None]:
    side.output("nft", "-f", "-", stdin=NO_HTTPS)
    try:
        yield
    finally:
        side.output("nft", "delete", "table", "inet", "bench")
        side.output("systemctl", "restart", "chatmail-transport")


def _over_smtp(measured: Callable[[Side], Figures]) -> Callable[[Side], Figures]:
    def over_smtp(side: Side) -> Figures:
        if side.is_bare:
            return measured(side)
        with _without_https(side):
            return measured(side)

    return over_smtp


def _latency(side: Side) -> Figures:
    return side.figures("latency", *_TO)


def _beside_local(side: Side) -> Figures:
    """Messages to the other relay, as a share of what both relays do at once on their own."""
    arguments = ["throughput", "--size-bytes", "2048", "--each", "20"]
    with ThreadPoolExecutor(len(RELAYS)) as pool:
        both = list(pool.map(lambda relay: side.figures(*arguments, domain=relay), RELAYS))
    local = sum(figures["messages_per_s"] for figures in both)
    far = side.figures(*arguments, *_TO)["messages_per_s"]
    return {"messages_per_s": far, "of_local": far / local}


def _family(
    name: str, figures: Callable[[Side], Figures], *rows: Row, has_bare: bool = False
) -> Family:
    return Family(name=name, measure=figures, rows=rows, has_bare=has_bare)


# over HTTPS compared with the bare relay over SMTP, which is measured once
_SMTP: Final = "remote-smtp"
_FAR_SMTP: Final = "far-smtp"
FAMILIES: Final[Sequence[Family]] = (
    _family(
        _SMTP,
        _over_smtp(_latency),
        Row(
            name="other relay, SMTP, median", figure="noticed_median_ms", unit="ms", most_ratio=1.2
        ),
        Row(name="other relay, SMTP, p95", figure="noticed_p95_ms", unit="ms"),
        has_bare=True,
    ),
    _family(
        "remote",
        _latency,
        Row(
            name="other relay, HTTPS, median",
            figure="noticed_median_ms",
            unit="ms",
            most_ratio=1.2,
            bare_key=f"{_SMTP}.noticed_median_ms",
        ),
        Row(
            name="other relay, HTTPS, p95",
            figure="noticed_p95_ms",
            unit="ms",
            bare_key=f"{_SMTP}.noticed_p95_ms",
        ),
    ),
    _family(
        _FAR_SMTP,
        _over_smtp(measure(2_048, 20, *_TO)),
        Row(name="2 KB to other relay, SMTP", figure="messages_per_s", unit="/s"),
        has_bare=True,
    ),
    _family(
        "far",
        _beside_local,
        Row(
            name="2 KB to other relay, HTTPS",
            figure="messages_per_s",
            unit="/s",
            bare_key=f"{_FAR_SMTP}.messages_per_s",
        ),
        Row(name="the same, by both locally", figure="of_local", unit="", least=0.95),
    ),
    _family(
        "far-5MB",
        measure(5_000_000, 1, *_TO),
        Row(name="5 MB to other relay, HTTPS", figure="messages_per_s", unit="/s"),
    ),
    _family(
        "first",
        lambda side: first_contact(side.lab),
        Row(name="to a relay seen first", figure="first_ms", unit="ms"),
        # a floor is the time of DNS, TCP and TLS alone
        Row(name="beyond a known one, in floors", figure="extra_per_floor", unit="", most=1.5),
    ),
)
