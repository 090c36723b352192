"""One network namespace per host, joined by a switch."""

from collections.abc import Sequence

from chatmail_lab.holder import Holder
from chatmail_lab.plan import NETWORK4, NETWORK6, Host


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
    ]


def connect(holder: Holder, hosts: Sequence[Host]) -> None:
    """Make the namespaces of these hosts."""
    holder.script([line for host in hosts for line in wiring(host)])


def cut(holder: Holder, host: Host) -> None:
    """Let packets to and from a host vanish, without any error to either side."""
    holder.run("bridge", "link", "set", "dev", host.link, "state", "disabled")


def heal(holder: Holder, host: Host) -> None:
    """Undo `cut`."""
    holder.run("bridge", "link", "set", "dev", host.link, "state", "forwarding")
