"""Counters in the text format of Prometheus.

The library prometheus-client would add 4 MB to a process of 30. Labels are few and fixed, never
an address.
"""

from collections import Counter


class Counters:
    """Counters by name and labels."""

    def __init__(self, prefix: str = "chatmail_") -> None:
        self._prefix = prefix
        self._values: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()

    def add(self, name: str, amount: int = 1, **labels: str) -> None:
        """Increment a counter."""
        self._values[name, tuple(sorted(labels.items()))] += amount

    def value(self, name: str, **labels: str) -> int:
        """Return the value of a counter."""
        return self._values[name, tuple(sorted(labels.items()))]

    def text(self) -> str:
        """Return all counters, sorted, with their TYPE lines."""
        lines: list[str] = []
        last = ""
        for (name, labels), value in sorted(self._values.items()):
            full = f"{self._prefix}{name}_total"
            if name != last:
                lines.append(f"# TYPE {full} counter")
                last = name
            inner = ",".join(f'{key}="{content}"' for key, content in labels)
            lines.append(f"{full}{{{inner}}} {value}" if inner else f"{full} {value}")
        return "\n".join(lines) + "\n"
