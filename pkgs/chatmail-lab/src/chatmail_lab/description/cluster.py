"""services.chatmail.cluster of each machine of a lab's clusters."""

from collections.abc import Callable, Sequence
from typing import Any

from chatmail_lab.network.keys import PRIVATE_KEY_FILE, SECRET_FILE
from chatmail_lab.plan import Host


def cluster_values(
    hosts: Sequence[Host], public_key: Callable[[Host], str]
) -> dict[str, dict[str, Any]]:
    """Return the values of each member of a cluster, by host name; they differ in `machine` alone.

    Args:
        hosts: All hosts of the lab.
        public_key: Returns the WireGuard key of a member.
    """
    members = [host for host in hosts if host.is_member]
    machines = {host.name: {"host": host.name, "publicKey": public_key(host)} for host in members}

    def listed(domain: str, role: str) -> dict[str, Any]:
        return {
            host.member_name: machines[host.name]
            for host in members
            if (host.domain, host.role) == (domain, role)
        }

    return {
        host.name: {
            "machine": host.member_name,
            "fronts": listed(host.domain, "front"),
            "stores": listed(host.domain, "store"),
            "privateKeyFile": PRIVATE_KEY_FILE,
            "secretFile": SECRET_FILE,
        }
        for host in members
    }
