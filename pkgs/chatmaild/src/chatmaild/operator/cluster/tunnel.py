"""Which machines of the cluster answer in the tunnel.

A front has no service for others there, and the firewall of each machine refuses a port that none
of its services has. A refusal is an answer, too: WireGuard, the route and the machine work.
"""

import socket
from typing import Final

from chatmaild.operator.cluster.remote import each
from chatmaild.settings import Settings

# the second SYN is sent after a second
ANSWER_S: Final = 3.0


def silent_fronts(settings: Settings) -> list[str]:
    """Return the names of the other fronts that do not answer."""
    fronts = {n: f for n, f in settings.cluster.fronts.items() if n != settings.cluster.machine}
    port = settings.ports.challenges
    found = each(fronts, lambda name: answers(fronts[name].address, port))
    return [name for name, is_there in found.items() if not is_there]


def answers(address: str, port: int) -> bool:
    """Whether a machine accepts or refuses a connection."""
    try:
        socket.create_connection((address, port), timeout=ANSWER_S).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True
