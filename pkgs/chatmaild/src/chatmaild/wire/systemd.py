"""Talking to systemd, without importing more than that takes.

Listening sockets live longer than the process: systemd keeps a copy of each in the unit's file
descriptor store (sd_pid_notify_with_fds(3)) and hands it to the next process. Whoever connects
while a killed or upgraded service starts again waits for a moment instead of being refused. A
`systemctl stop` empties the store, so a service that is not to run refuses at once.
"""

import functools
import os
import select
import socket
import stat
from collections.abc import Sequence

# sd_listen_fds(3): SD_LISTEN_FDS_START
_FIRST_FD = 3


def notify(state: str, descriptors: Sequence[int] = ()) -> None:
    """Tell systemd a state, for example `READY=1` (sd_notify(3)); nothing without systemd."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.connect(address)
        if descriptors:
            socket.send_fds(sender, [state.encode()], descriptors)
        else:
            sender.sendall(state.encode())


def wait_until_heard(deadline_s: float) -> None:
    """Wait until systemd has handled all that it was told (sd_notify_barrier(3))."""
    if not os.environ.get("NOTIFY_SOCKET"):
        return
    waiting, given = os.pipe2(os.O_CLOEXEC)
    try:
        notify("BARRIER=1", [given])
    finally:
        os.close(given)
    try:
        select.select([waiting], [], [], deadline_s)
    finally:
        os.close(waiting)


def keep(name: str, listener: socket.socket) -> None:
    """Let systemd hold on to a listening socket, for the next process of this unit."""
    notify(f"FDSTORE=1\nFDPOLL=0\nFDNAME={_stored(name)}", [listener.fileno()])


def keep_connection(name: str, connection: socket.socket, state: bytes) -> None:
    """The same for a connection, and what the next process must know of it.

    Both have the name, which is for this connection alone. systemd drops a connection that ends.
    """
    descriptors = [connection.fileno()]
    if state:
        memory = os.memfd_create(name)
        os.write(memory, state)
        descriptors.append(memory)
    try:
        notify(f"FDSTORE=1\nFDNAME={_stored(name)}", descriptors)
    finally:
        for memory in descriptors[1:]:
            os.close(memory)


def take_kept(name: str) -> socket.socket | None:
    """The listening socket that an earlier process of this unit kept under the name."""
    descriptors = _kept().pop(_stored(name), ())
    return socket.socket(fileno=descriptors[0]) if descriptors else None


def take_connections(prefix: str) -> list[tuple[socket.socket, bytes]]:
    """The connections that an earlier process kept under names with the prefix, with their states.

    systemd forgets them.
    """
    taken = []
    for name in [name for name in _kept() if name.startswith(prefix)]:
        descriptors = _kept().pop(name)
        forget(name)
        sockets = [fd for fd in descriptors if stat.S_ISSOCK(os.fstat(fd).st_mode)]
        states = [_content(fd) for fd in descriptors if fd not in sockets]
        taken += [(socket.socket(fileno=fd), b"".join(states)) for fd in sockets]
    return taken


def _content(memory: int) -> bytes:
    with open(memory, "rb") as file:
        file.seek(0)
        return file.read()


def forget(name: str) -> None:
    """Let systemd close its copy of the socket that was kept under the name."""
    notify(f"FDSTOREREMOVE=1\nFDNAME={_stored(name)}")


def drop_kept() -> None:
    """Close what an earlier process kept and this one did not take, such as another port."""
    for name, descriptors in _kept().items():
        forget(name)
        for descriptor in descriptors:
            os.close(descriptor)
    _kept().clear()


def _stored(name: str) -> str:
    """The name as systemd takes it: a colon separates names."""
    return name.replace(":", "-")


@functools.cache
def _kept() -> dict[str, list[int]]:
    """Descriptors by name of what systemd passed; they are for this process alone."""
    count, names = os.environ.get("LISTEN_FDS", ""), os.environ.get("LISTEN_FDNAMES", "")
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdigit():
        return {}
    kept: dict[str, list[int]] = {}
    for descriptor, name in enumerate(names.split(":")[: int(count)], start=_FIRST_FD):
        os.set_inheritable(descriptor, False)
        kept.setdefault(name, []).append(descriptor)
    return kept
