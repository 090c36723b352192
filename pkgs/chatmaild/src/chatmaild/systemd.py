"""Talking to systemd, without importing more than that takes.

Listening sockets live longer than the process: systemd keeps a copy of each in the unit's file
descriptor store (sd_pid_notify_with_fds(3)) and hands it to the next process. Whoever connects
while a killed or upgraded service starts again waits for a moment instead of being refused. A
`systemctl stop` empties the store, so a service that is not to run refuses at once.
"""

import functools
import os
import socket
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


def keep(name: str, listener: socket.socket) -> None:
    """Let systemd hold on to a listening socket, for the next process of this unit."""
    notify(f"FDSTORE=1\nFDPOLL=0\nFDNAME={_stored(name)}", [listener.fileno()])


def keep_connection(name: str, connection: socket.socket) -> None:
    """The same for a connection; several can have one name, and systemd drops those that end."""
    notify(f"FDSTORE=1\nFDNAME={_stored(name)}", [connection.fileno()])


def take_kept(name: str) -> socket.socket | None:
    """The listening socket that an earlier process of this unit kept under the name."""
    descriptors = _kept().pop(_stored(name), ())
    return socket.socket(fileno=descriptors[0]) if descriptors else None


def take_connections(name: str) -> list[socket.socket]:
    """The connections that an earlier process kept under the name; systemd forgets them."""
    taken = [socket.socket(fileno=descriptor) for descriptor in _kept().pop(_stored(name), ())]
    if taken:
        forget(name)
    return taken


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
