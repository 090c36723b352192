"""Which backups are deleted."""

from chatmaild.operator.backup.ages import DAY_S, too_old
from chatmaild.operator.backup.restic import Snapshot

NOW_S = 1_800_000_000.0
NEWEST = "0000000a"


def snapshots(**ages_days: float) -> list[Snapshot]:
    """Backups of these ages, and the newest."""
    ages = {NEWEST: 0.0} | ages_days
    return [
        Snapshot(id=name, time_s=NOW_S - age * DAY_S, with_mail=False, files=1, size_bytes=1)
        for name, age in ages.items()
    ]


def test_older_than_mail_may_be() -> None:
    """20 days by default."""
    decision = too_old(snapshots(a=1, b=19.9, c=20.1), newest=NEWEST, now_s=NOW_S, days=20)

    assert (decision.ids, decision.doubt) == (("c",), "")


def test_nothing_is_old() -> None:
    """The first backup, and one after it."""
    for found in (snapshots(), snapshots(a=1)):
        assert too_old(found, newest=NEWEST, now_s=NOW_S, days=20).ids == ()


def test_all_earlier_ones_at_once_may_be_a_wrong_clock() -> None:
    """They are named, with the doubt; the newest never is."""
    decision = too_old(snapshots(a=400, b=401), newest=NEWEST, now_s=NOW_S, days=20)

    assert decision.ids == ("a", "b")
    assert decision.doubt == "all 2 earlier backups would be too old"


def test_a_time_in_the_future_is_a_wrong_clock() -> None:
    """Now, or then."""
    decision = too_old(snapshots(a=-3, b=2), newest=NEWEST, now_s=NOW_S, days=20)

    assert (decision.ids, decision.doubt) == (("a",), "1 backups have a time in the future")
