"""Which names and tokens belong to this machine of a cluster.

A front looks for an address on the stores that the placements give it, the newest first. If one of
these is down, nothing is known; another one that is down is ignored. So an account elsewhere would
be unknown while its store is down, and its mail would bounce.
"""

from chatmaild.address import Address
from chatmaild.directory.placement import all_of, winner, winners
from chatmaild.errors import ChatmaildError
from chatmaild.settings import Settings


def is_placed_here(settings: Settings, name: str) -> bool:
    """Whether fronts look for a new name on this machine; without a cluster, they do.

    A store that gets no new names has those that an older placement gives it.
    """
    cluster = settings.cluster
    if cluster.role != "store":
        return True
    if cluster.machine in cluster.placements[0]:
        return winner(name, cluster.placements[0]) == cluster.machine
    return cluster.machine in [*winners(name, all_of(cluster.placements))]


def is_nowhere_else(settings: Settings, name: str) -> bool:
    """Whether no other store can have a name: every placement gives it to this machine."""
    cluster = settings.cluster
    return cluster.role != "store" or list(winners(name, all_of(cluster.placements))) == [
        cluster.machine
    ]


def check_is_placed_here(settings: Settings, address: Address) -> None:
    """Check that fronts look for an address on this machine.

    Raises:
        ChatmaildError: they look elsewhere; the text says where.
    """
    name = str(address.account)
    if not is_placed_here(settings, name):
        store = winner(name, settings.cluster.placements[0])
        raise ChatmaildError(
            f"the place of this address is {store}: run this there, or on a front:"
            f" {', '.join(settings.cluster.fronts)}"
        )
