"""Runs inside a relay as root: prints who can connect to which listening socket, as JSON.

Standard input: {identity: [user, group, [further groups]]}; those without a user here are omitted.
Output: {"unix": {path: [identities]}, "tcp": ["host:port"], "udp": ["host:port"]}
"""

import grp
import json
import os
import pwd
import socket
import sys
from pathlib import Path

QUEUE = "/var/lib/postfix/queue"
LISTENS = 1 << 16
STREAM = 1
TCP_LISTEN = "0A"
UDP_UNCONNECTED = "07"


def unix_paths() -> set[str]:
    """Paths of all sockets that take connections; Postfix' are relative to its queue."""
    with Path("/proc/net/unix").open(errors="surrogateescape") as table:
        rows = [line.split(maxsplit=7) for line in table.read().splitlines()[1:]]
    return {
        name[0] if name[0].startswith(("/", "@")) else f"{QUEUE}/{name[0]}"
        for _, _, _, flags, kind, _, _, *name in rows
        if name and int(flags, 16) & LISTENS and int(kind, 16) == STREAM
    }


def inet(protocol: str, state: str) -> set[str]:
    """Local ends of sockets in that state."""
    found = set()
    for table, family in ((protocol, socket.AF_INET), (f"{protocol}6", socket.AF_INET6)):
        with Path(f"/proc/net/{table}").open() as file:
            for line in file.read().splitlines()[1:]:
                fields = line.split()
                host, _, port = fields[1].partition(":")
                if fields[3] == state:
                    words = (host[i : i + 8] for i in range(0, len(host), 8))
                    packed = b"".join(bytes.fromhex(word)[::-1] for word in words)
                    found.add(f"{socket.inet_ntop(family, packed)} {int(port, 16)}")
    return found


def connects(path: str) -> bool:
    """Whether this process may connect (unix(7)); a connection would start what listens."""
    return path.startswith("@") or os.access(path, os.W_OK, effective_ids=True)


def reached_by(uid: int, gid: int, groups: list[int], paths: list[str]) -> list[str]:
    """Paths that a process of this identity can connect to."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(uid)
        os.write(writing, json.dumps([path for path in paths if connects(path)]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    found: list[str] = json.loads(text)
    return found


def main() -> None:
    """Walk all sockets as all identities."""
    paths = sorted(unix_paths())
    reached: dict[str, list[str]] = {path: [] for path in paths}
    for name, (user, group, groups) in json.load(sys.stdin).items():
        try:
            uid, gid = pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid
        except KeyError:
            continue
        numbers = [grp.getgrnam(other).gr_gid for other in groups]
        for path in reached_by(uid, gid, numbers, paths):
            reached[path].append(name)
    listening = {"tcp": inet("tcp", TCP_LISTEN), "udp": inet("udp", UDP_UNCONNECTED)}
    print(json.dumps({"unix": reached, **{name: sorted(ends) for name, ends in listening.items()}}))


if __name__ == "__main__":
    main()
