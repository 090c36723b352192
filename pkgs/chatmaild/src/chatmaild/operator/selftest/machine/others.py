"""On a machine of a cluster: the others answer through the tunnel."""

from collections.abc import Sequence
from typing import Final

from chatmaild.operator.cluster import remote, tunnel
from chatmaild.operator.selftest.report import Check, failed, ok, skipped, warned
from chatmaild.settings import Settings

NAME: Final = "machines"
REPAIR: Final = "wg show on both machines; chatmail status on the one that does not answer"


def check(settings: Settings) -> Check:
    """Ask the stores, if this is a front, and the other fronts."""
    cluster = settings.cluster
    stores = cluster.stores if cluster.role == "front" else ()
    alive = remote.each(stores, lambda name: remote.is_alive(settings, name))
    others = [*alive, *(name for name in cluster.fronts if name != cluster.machine)]
    silent = [name for name, answers in alive.items() if not answers]
    return judge(others, [*silent, *tunnel.silent_fronts(settings)])


def judge(others: Sequence[str], silent: Sequence[str]) -> Check:
    """Decide: one that does not answer may be down itself, all of them are not."""
    if not others:
        return skipped(NAME, "there is no other machine to ask")
    if not silent:
        return ok(NAME, f"{', '.join(others)} answer in the tunnel")
    said = f"no answer in the tunnel from {', '.join(silent)}"
    if len(silent) == len(others):
        return failed(NAME, f"{said}: the tunnel of this machine is down", REPAIR)
    return warned(NAME, said, REPAIR)
