"""One network namespace per host, joined by a switch with a router that leads nowhere."""

from collections.abc import Sequence

from chatmail_lab.holder import Holder
from chatmail_lab.plan import GATEWAY4, GATEWAY6, NETWORK4, NETWORK6, Host

# A machine finds its own address by its way out, so there must be one. The router answers at once
# that the world is unreachable (RFC 792).
ROUTER = (
    "echo 1 > /proc/sys/net/ipv4/ip_forward",
    "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
    f"ip address add {GATEWAY4}/{NETWORK4.prefixlen} dev bridge0",
    f"ip address add {GATEWAY6}/{NETWORK6.prefixlen} dev bridge0 nodad",
    "ip route add unreachable default",
    "ip -6 route add unreachable default",
)


def wiring(host: Host) -> list[str]:
    """Shell lines that make a host's namespace and plug it into the switch."""
    within = f"ip -n {host.name}"
    return [
        f"ip netns add {host.name}",
        f"ip link add {host.link} type veth peer name eth0 netns {host.name}",
        f"ip link set {host.link} master bridge0 up",
        f"{within} link set lo up",
        f"{within} address add {host.ipv4}/{NETWORK4.prefixlen} dev eth0",
        f"{within} address add {host.ipv6}/{NETWORK6.prefixlen} dev eth0 nodad",
        f"{within} link set eth0 up",
        f"{within} route add default via {GATEWAY4}",
        f"{within} -6 route add default via {GATEWAY6}",
    ]


def connect(holder: Holder, hosts: Sequence[Host]) -> None:
    """Make the router and the namespaces of these hosts."""
    holder.script([*ROUTER, *(line for host in hosts for line in wiring(host))])


def cut(holder: Holder, host: Host) -> None:
    """Let packets to and from a host vanish, without any error to either side."""
    holder.run("bridge", "link", "set", "dev", host.link, "state", "disabled")


def heal(holder: Holder, host: Host) -> None:
    """Undo `cut`."""
    holder.run("bridge", "link", "set", "dev", host.link, "state", "forwarding")
