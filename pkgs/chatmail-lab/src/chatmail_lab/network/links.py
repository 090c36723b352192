"""Links: one network namespace for each host, all on one bridge, and a router without a way out."""

from collections.abc import Sequence

from chatmail_lab.machine.namespaces import NamespaceKeeper
from chatmail_lab.plan import GATEWAY4, GATEWAY6, NETWORK4, NETWORK6, Host

# Hosts find their own IP address by the default route, so there must be one. The router answers
# every packet to the outside with "unreachable" (RFC 792), so nothing waits for a timeout.
ROUTER = (
    "echo 1 > /proc/sys/net/ipv4/ip_forward",
    "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
    f"ip address add {GATEWAY4}/{NETWORK4.prefixlen} dev bridge0",
    f"ip address add {GATEWAY6}/{NETWORK6.prefixlen} dev bridge0 nodad",
    "ip route add unreachable default",
    "ip -6 route add unreachable default",
)

# connections that a socket holds until its program accepts them (listen(2))
MOST_WAITING = 10000


def link_commands(host: Host) -> list[str]:
    """Return shell lines that make a host's network namespace and connect it to the bridge."""
    within = f"ip -n {host.name}"
    return [
        f"ip netns add {host.name}",
        f"ip link add {host.link} type veth peer name eth0 netns {host.name}",
        f"ip link set {host.link} master bridge0 up",
        # as modules/chatmail.nix sets it: thousands of IMAP clients may return at once
        f"ip netns exec {host.name} sh -c 'echo {MOST_WAITING} > /proc/sys/net/core/somaxconn'",
        f"{within} link set lo up",
        f"{within} address add {host.ipv4}/{NETWORK4.prefixlen} dev eth0",
        f"{within} address add {host.ipv6}/{NETWORK6.prefixlen} dev eth0 nodad",
        f"{within} link set eth0 up",
        f"{within} route add default via {GATEWAY4}",
        f"{within} -6 route add default via {GATEWAY6}",
    ]


def connect(keeper: NamespaceKeeper, hosts: Sequence[Host]) -> None:
    """Make the router, and the network namespaces of these hosts."""
    keeper.run_shell([*ROUTER, *(line for host in hosts for line in link_commands(host))])


def forget(keeper: NamespaceKeeper, host: Host) -> None:
    """Remove the tunnels of a host that was killed; they outlive processes, but no power cut."""
    within = f"ip -n {host.name}"
    tunnels = f"{within} -brief link show type wireguard"
    keeper.run_shell([f"{tunnels} | while read -r name _; do {within} link delete $name; done"])


def cut(keeper: NamespaceKeeper, host: Host) -> None:
    """Drop all packets to and from a host, without an error to either side."""
    keeper.run("bridge", "link", "set", "dev", host.link, "state", "disabled")


def heal(keeper: NamespaceKeeper, host: Host) -> None:
    """Undo `cut`."""
    keeper.run("bridge", "link", "set", "dev", host.link, "state", "forwarding")
