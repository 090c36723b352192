"""Counters, gauges and histograms of a process, and their text (Prometheus' format 0.0.4)."""

import itertools
import threading
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from chatmaild.metrics.families import FAMILIES, Family

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PREFIX: Final = "chatmail_"

_Labels = tuple[tuple[str, str], ...]


class _Histogram:
    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0


class Counters:
    """The numbers of one process, by name and labels. Thread-safe.

    Args:
        source: metrics of this source whose label values are known are 0 from the start, so that
            rates and alerts see their first increment.
    """

    def __init__(self, source: str = "") -> None:
        self._lock = threading.Lock()
        self._values: dict[tuple[str, _Labels], float] = {}
        self._histograms: dict[str, _Histogram] = {}
        for name, family in FAMILIES.items():
            if family.source == source:
                self._prepare(name, family)

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Increment a counter."""
        key = name, tuple(sorted(labels.items()))
        with self._lock:
            self._values[key] = self._values.get(key, 0) + amount

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._values[name, tuple(sorted(labels.items()))] = value

    def observe(self, name: str, value: float) -> None:
        """Count a value in a histogram."""
        with self._lock:
            found = self._histograms.get(name)
            if found is None:
                found = self._histograms[name] = _Histogram(FAMILIES[name].buckets)
            found.counts[bisect_left(found.bounds, value)] += 1
            found.sum += value

    def drop(self, name: str) -> None:
        """Forget a gauge whose value is not known any more."""
        with self._lock:
            for key in [key for key in self._values if key[0] == name]:
                del self._values[key]

    def value(self, name: str, **labels: str) -> float:
        """Return the value of a counter or gauge; 0 if there is none."""
        return self._values.get((name, tuple(sorted(labels.items()))), 0)

    def text(self) -> str:
        """Return all numbers, sorted, with their HELP and TYPE lines."""
        with self._lock:
            values = sorted(self._values.items())
            histograms = sorted(self._histograms.items())
            lines = [line for name, found in histograms for line in _histogram_lines(name, found)]
        for name, group in itertools.groupby(values, key=lambda item: item[0][0]):
            lines += _head(name)
            lines += [f"{full_name(name)}{_inner(key[1])} {_number(v)}" for key, v in group]
        return "\n".join(lines) + "\n" if lines else ""

    def _prepare(self, name: str, family: Family) -> None:
        if family.buckets:
            self._histograms[name] = _Histogram(family.buckets)
        elif family.is_counter:
            names = sorted(family.labels)
            for values in itertools.product(*(family.labels[label] for label in names)):
                self._values[name, tuple(zip(names, values, strict=True))] = 0


def full_name(name: str) -> str:
    """Return the name that Prometheus sees."""
    family = FAMILIES.get(name)
    return f"{PREFIX}{name}{'_total' if family is None or family.is_counter else ''}"


def _head(name: str) -> Iterator[str]:
    family, full = FAMILIES.get(name), full_name(name)
    if family is not None:
        yield f"# HELP {full} {family.help}"
    yield f"# TYPE {full} {family.kind if family is not None else 'counter'}"


def _histogram_lines(name: str, histogram: _Histogram) -> Iterator[str]:
    full = full_name(name)
    yield from _head(name)
    total = 0
    bounds = [*map(_number, histogram.bounds), "+Inf"]
    for bound, count in zip(bounds, histogram.counts, strict=True):
        total += count
        yield f'{full}_bucket{{le="{bound}"}} {total}'
    yield f"{full}_sum {_number(histogram.sum)}"
    yield f"{full}_count {total}"


def _inner(labels: _Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
