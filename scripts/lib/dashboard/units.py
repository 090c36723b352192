"""Numbers as Grafana's units show them, and round numbers for an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# the steps of a unit: from so much on, one of it is so much
_STEPS: Final[dict[str, Sequence[tuple[float, str]]]] = {
    "s": ((0.001, "ms"), (1, "s"), (60, "min"), (3600, "h"), (86400, "d")),
    "bytes": ((1, "B"), (2**10, "KiB"), (2**20, "MiB"), (2**30, "GiB"), (2**40, "TiB")),
    "percentunit": ((0.01, "%"),),
    "ops": ((1, "/s"),),
    "none": ((1, ""),),
    "short": ((1, ""),),
}
_CLOSE: Final = {"%", "/s"}


@dataclass(frozen=True, slots=True)
class Scale:
    """One step of a unit: `size` is what one of it is worth."""

    size: float
    name: str

    def text(self, value: float) -> str:
        """The number, with at most three digits after the first that counts."""
        number = f"{value / self.size:.3g}" if abs(value / self.size) < 1000 else None
        number = number or f"{value / self.size:.0f}"
        space = "" if not self.name or self.name in _CLOSE else " "
        return f"{number}{space}{self.name}"


def scale(unit: str, largest: float) -> Scale:
    """The step in which a number is easy to read; a unit that is not known is shown as it is."""
    steps = _STEPS.get(unit, ((1.0, unit),))
    fitting = [step for step in steps if step[0] <= abs(largest)]
    size, name = fitting[-1] if fitting else steps[0]
    if not largest and unit == "s":
        size, name = 1, "s"
    return Scale(size, name)


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers; the first is at most `low`, the last at least `high`."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]
