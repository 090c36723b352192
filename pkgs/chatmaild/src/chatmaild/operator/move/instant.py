"""When a copy began."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """A time that survives a change of the clock."""

    monotonic_s: float
    time_s: float

    @classmethod
    def now(cls) -> "Instant":
        """Return now."""
        return cls(monotonic_s=time.monotonic(), time_s=time.time())

    def age_s(self) -> float:
        """Return the seconds since then."""
        return time.monotonic() - self.monotonic_s

    def wall_s(self) -> float:
        """Return its Unix time, by the clock of then or of now: the earlier one."""
        return min(self.time_s, time.time() - self.age_s())
