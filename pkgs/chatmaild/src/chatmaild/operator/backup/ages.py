"""Which backups are too old; a wrong clock must not delete them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chatmaild.operator.backup.restic import Snapshot

DAY_S: Final = 86400
# the clocks of two machines with one repository
MOST_AHEAD_S: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The backups to delete.

    Attributes:
        doubt: why the clock may be wrong; empty if there is no doubt. With a doubt nothing is
            deleted before the clock was compared with others.
    """

    ids: tuple[str, ...]
    doubt: str = ""


def too_old(snapshots: Sequence[Snapshot], *, newest: str, now_s: float, days: int) -> Decision:
    """Decide which backups to delete after a good one.

    Args:
        newest: the backup that was just made; it always stays.
        days: what mail is deleted after, so that no backup keeps it longer.
    """
    others = [snapshot for snapshot in snapshots if snapshot.id != newest]
    ahead = [snapshot for snapshot in others if snapshot.time_s > now_s + MOST_AHEAD_S]
    old = [snapshot for snapshot in others if snapshot.time_s < now_s - days * DAY_S]
    ids = tuple(snapshot.id for snapshot in (*old, *ahead))
    if ahead:
        return Decision(ids=ids, doubt=f"{len(ahead)} backups have a time in the future")
    if old and len(old) == len(others):
        return Decision(ids=ids, doubt=f"all {len(old)} earlier backups would be too old")
    return Decision(ids=ids)
