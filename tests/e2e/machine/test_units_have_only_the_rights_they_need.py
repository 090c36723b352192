"""What `systemd-analyze security` still counts against each unit: all of it has a reason here.

A score that rises fails the test, and so does a point that no reason explains.
"""

from __future__ import annotations

import json
from typing import Final

import pytest
from chatmail_testkit.relays.services import has_unit
from chatmail_testkit.relays.target import Machine

# what no unit of a relay can be without
EVERYWHERE: Final = {
    "RootDirectoryOrRootImage": "programs and settings are those of the machine",
    "RestrictAddressFamilies_AF_UNIX": "services and the journal are reached by unix sockets",
    "DeviceAllow": "the devices of PrivateDevices= are what every program expects",
    "IPAddressDeny": "mail and calls go to and come from the whole Internet",
}
NETWORK: Final = {
    "RestrictAddressFamilies_AF_INET_INET6": "it serves or asks other hosts",
    "PrivateNetwork": "it serves or asks other hosts",
}
# listens below 1024, so its capability counts in the namespace of the machine
LOW_PORT: Final = {
    "AmbientCapabilities": "its port is below 1024",
    "CapabilityBoundingSet_CAP_NET_BIND_SERVICE_BROADCAST_RAW)": "its port is below 1024",
    "PrivateUsers": "a capability of another user namespace opens no port below 1024",
}
NETLINK: Final = {"RestrictAddressFamilies_AF_NETLINK": "it reads the IP addresses of the machine"}
# a system call that is refused to root of such a daemon would stop its processes
RESOURCES: Final = {"SystemCallFilter_resources": "it sets limits of its processes"}
PRIVILEGED: Final = {"SystemCallFilter_privileged": "it changes user, group or owner"}
MASTER: Final = {
    **NETWORK,
    **RESOURCES,
    **PRIVILEGED,
    "SystemCallFilter_mount": "chroot(2) is in that group: processes that meet strangers use it",
    "UserOrDynamicUser": "its master starts processes of several users",
    "CapabilityBoundingSet_CAP_SET_UID_GID_PCAP": "its master starts processes of several users",
    "CapabilityBoundingSet_CAP_KILL": "its master ends processes of several users",
    "CapabilityBoundingSet_CAP_CHOWN_FSETID_SETFCAP": "its sockets belong to several users",
    "CapabilityBoundingSet_CAP_DAC_FOWNER_IPC_OWNER": "its sockets belong to several users",
    "CapabilityBoundingSet_CAP_SYS_CHROOT": "processes that meet strangers use chroot(2)",
    "CapabilityBoundingSet_CAP_NET_BIND_SERVICE_BROADCAST_RAW)": "its ports are below 1024",
    "PrivateUsers": "a capability of another user namespace opens no port below 1024",
}
NO_NETWORK_NEEDED: Final = {"PrivateNetwork": "has no address family but unix"}
GROUP_READS: Final = {"UMask": "a group reads what it writes"}

UNITS: Final[dict[str, tuple[float, dict[str, str]]]] = {
    "postfix": (
        3.0,
        {
            **MASTER,
            **NETLINK,
            "ProtectProc": "`drain-postfix' looks for the processes that have a message in hand",
            "UMask": "Postfix sets its own",
        },
    ),
    "dovecot": (
        2.9,
        {
            **MASTER,
            "CapabilityBoundingSet_CAP_SYS_NICE_RESOURCE": "it sets limits of its processes",
        },
    ),
    "postfix-setup": (
        1.7,
        {
            **RESOURCES,
            **PRIVILEGED,
            "UserOrDynamicUser": "gives directories to their users",
            "CapabilityBoundingSet_CAP_CHOWN_FSETID_SETFCAP": "gives directories to their users",
            "CapabilityBoundingSet_CAP_DAC_FOWNER_IPC_OWNER": "gives directories to their users",
            "RestrictSUIDSGID": "on NixOS it sets the rights of Postfix' set-gid programs",
            "ProtectSystem": "on NixOS it makes directories in several places of /var",
            "PrivateUsers": "gives directories to their users",
            "UMask": "every user reads the configuration",
        },
    ),
    "nginx": (1.5, {**NETWORK, **LOW_PORT, **RESOURCES, "UMask": "set by NixOS: 0027"}),
    "unbound": (1.7, {**NETWORK, **LOW_PORT, **NETLINK, **RESOURCES, **PRIVILEGED}),
    "coturn": (
        1.2,
        {
            **NETWORK,
            **NETLINK,
            "SystemCallFilter_privileged": "`ip', at its start, gives its capabilities away",
        },
    ),
    "iroh-relay": (1.1, NETWORK),
    "chatmail-accounts": (
        1.2,
        {
            **NETWORK,
            "ProcSubset": "/proc/meminfo and /proc/loadavg limit new addresses",
            "RestrictAddressFamilies_AF_NETLINK": "the kernel says which user connects",
        },
    ),
    "chatmail-directory": (
        1.2,
        {
            **NETWORK,
            "ProcSubset": "/proc/meminfo says how much memory is free",
            "RestrictAddressFamilies_AF_NETLINK": "the kernel says which user connects",
        },
    ),
    "chatmail-rebalance": (1.1, NETWORK),
    "chatmail-filter": (
        1.1,
        {**NETWORK, "SupplementaryGroups": "markers of mailboxes belong to the mail user"},
    ),
    "chatmail-transport": (
        1.1,
        {
            **NETWORK,
            "RestrictAddressFamilies_AF_NETLINK": "the kernel says which user connects",
        },
    ),
    "chatmail-metrics": (
        1.1,
        {
            **NETWORK,
            "RestrictAddressFamilies_AF_NETLINK": "the kernel says how many connections are open",
        },
    ),
    "chatmail-count": (1.1, {**NETWORK}),
    "chatmail-count-queue": (
        0.9,
        {
            "RestrictAddressFamilies_AF_INET_INET6": "in a network of its own, which is empty",
            "RestrictAddressFamilies_AF_NETLINK": "postqueue reads the IP addresses of its network",
            "SupplementaryGroups": "Postfix lists its queue to that group",
        },
    ),
    "chatmail-flush": (
        0.9,
        {
            "RestrictAddressFamilies_AF_INET_INET6": "in a network of its own, which is empty",
            "RestrictAddressFamilies_AF_NETLINK": "postqueue reads the IP addresses of its network",
            "SupplementaryGroups": "Postfix runs its queue for that group",
        },
    ),
    "chatmail-expire": (0.8, NO_NETWORK_NEEDED),
    "chatmail-storage": (
        0.9,
        {
            **NO_NETWORK_NEEDED,
            "SystemCallFilter_privileged": "doveadm becomes the user that it is",
        },
    ),
    "chatmail-backup": (
        1.9,
        {
            **NETWORK,
            "UserOrDynamicUser": "its repository and its note belong to root",
            "CapabilityBoundingSet_CAP_DAC_FOWNER_IPC_OWNER": "reads the files of all users",
            "PrivateUsers": "reads the files of all users",
            "ProtectHome": "the key of ssh may be there, read-only",
        },
    ),
    "chatmail-connections": (
        1.5,
        {
            **NETLINK,
            "PrivateNetwork": "its rules are those of the machine's network",
            "AmbientCapabilities": "loads rules of nftables",
            "CapabilityBoundingSet_CAP_NET_ADMIN": "loads rules of nftables",
            "PrivateUsers": "the capability counts in the machine's user namespace only",
        },
    ),
    # runs on a machine from which the relay moved
    "chatmail-forward": (1.6, {**NETWORK, **LOW_PORT}),
    "chatmail-pseudonyms": (0.4, {}),
    "chatmail-turn-secret": (0.8, {**NO_NETWORK_NEEDED, **GROUP_READS}),
    "chatmail-clock": (
        1.0,
        {
            **NETLINK,
            "RestrictAddressFamilies_AF_INET_INET6": "Postfix' programs look at them",
            "ProcSubset": "/proc/uptime shows a clock that went back",
        },
    ),
    "chatmail-certificate": (
        1.2,
        {
            "UserOrDynamicUser": "reads a key that belongs to whoever renews it",
            "CapabilityBoundingSet_CAP_DAC_FOWNER_IPC_OWNER": "reads a key of another user",
            "PrivateUsers": "reads a key of another user",
            "ProtectHome": "the operator's certificate may be there, read-only",
        },
    ),
}


# only in a cluster
CLUSTER: Final = {"chatmail-directory", "chatmail-flush", "chatmail-rebalance"}


@pytest.mark.parametrize("unit", UNITS)
def test_each_point_has_its_reason(unit: str, machine: Machine) -> None:
    """No score rises, and nothing is counted without a reason."""
    ceiling, reasons = UNITS[unit]
    members = [member for member in machine.members if has_unit(member, unit)]
    for member in members:
        told = member.run("systemd-analyze", "security", "--json=short", f"{unit}.service")
        counted = {
            point["json_field"]: float(point["exposure"])
            for point in json.loads(told)
            if point["set"] is False and point["exposure"] is not None
        }
        shown = member.run("systemd-analyze", "security", "--no-pager", f"{unit}.service")
        overall = float(shown.rpartition(":")[2].split()[0])

        assert set(counted) - set(EVERYWHERE | reasons) == set()
        assert overall <= ceiling
    assert members or (unit in CLUSTER and len(machine.members) == 1)


def test_every_unit_of_a_relay_is_here(machine: Machine) -> None:
    """Ours, and those that our description changes."""
    files = {
        name
        for member in machine.members
        for name in member.run("ls", "/etc/systemd/system").split()
    }
    ours = {
        name.removesuffix(".service")
        for name in files
        if name.endswith(".service") and name.startswith(("chatmail-", "postfix-setup"))
    }

    assert ours - set(UNITS) == set()
