"""Speak systemd's protocols for services: readiness, and file descriptors that it keeps.

Listening sockets live longer than the process: systemd keeps a copy of each in the unit's file
descriptor store (sd_pid_notify_with_fds(3)) and hands it to the next process. Clients that connect
while a killed or upgraded service starts again wait instead of being refused. `systemctl stop`
empties the store, so a stopped service refuses at once.

Why not `.socket` units? Tried with systemd 257 on a relay, beside this store:

* A kill and a restart refuse nobody either way. Only the first start differs: the store has
  nothing then, so clients are refused until the service listens; they repeat, and Postfix defers.
* The filter needs the store in any case: it hands over the connections of SMTP sessions.
* A `.socket` unit starts its service for every client. After exit status 78 (unusable settings) it
  started the service 84 times in ten seconds, against `RestartPreventExitStatus=78`, and clients
  waited for their timeouts; with the store they are refused at once, and Postfix answers 4xx.
* A stopped service comes back with the next client, unless its sockets are stopped first.
* systemd restarts no `.socket` while its service runs, and leaves it stopped: a changed port or
  path needs a stop of the service, with its sessions. Here, a restart takes the new one.
* One `.socket` unit has one mode, owner and name, so this would be six more units; stopping a
  service would remove their files with its runtime directory.
* `.socket` units would keep a process that is started by hand from replacing live sockets.
  `listening` does so, too: it connects first, and stops where another process answers.
"""

import functools
import os
import select
import socket
import stat
from collections.abc import Sequence
from typing import Final

# sd_listen_fds(3): SD_LISTEN_FDS_START
_FIRST_FD: Final = 3


def notify(state: str, descriptors: Sequence[int] = ()) -> None:
    """Send systemd a state, for example `READY=1` (sd_notify(3)); do nothing without systemd."""
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
    """Wait until systemd has handled all earlier messages (sd_notify_barrier(3))."""
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
    """Let systemd keep a listening socket for the next process of this unit."""
    notify(f"FDSTORE=1\nFDPOLL=0\nFDNAME={_stored(name)}", [listener.fileno()])


def keep_connection(name: str, connection: socket.socket, state: bytes) -> None:
    """Let systemd keep a connection and its state for the next process of this unit.

    Both are kept under the name, which must be unique. systemd drops a connection that ends.
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
    """Return the listening socket that an earlier process kept under the name, or None."""
    descriptors = _kept().pop(_stored(name), ())
    return socket.socket(fileno=descriptors[0]) if descriptors else None


def take_connections(prefix: str) -> list[tuple[socket.socket, bytes]]:
    """Return connections and states that an earlier process kept under names with the prefix.

    systemd's copies are dropped.
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
    """Let systemd close its copies of what was kept under the name."""
    notify(f"FDSTOREREMOVE=1\nFDNAME={_stored(name)}")


def drop_kept() -> None:
    """Close what an earlier process kept and this one did not take, such as an old port."""
    for name, descriptors in _kept().items():
        forget(name)
        for descriptor in descriptors:
            os.close(descriptor)
    _kept().clear()


def _stored(name: str) -> str:
    """Return the name without colons, which separate names in LISTEN_FDNAMES."""
    return name.replace(":", "-")


@functools.cache
def _kept() -> dict[str, list[int]]:
    """Return the descriptors that systemd passed to this process, by name."""
    count, names = os.environ.get("LISTEN_FDS", ""), os.environ.get("LISTEN_FDNAMES", "")
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdigit():
        return {}
    kept: dict[str, list[int]] = {}
    for descriptor, name in enumerate(names.split(":")[: int(count)], start=_FIRST_FD):
        os.set_inheritable(descriptor, False)
        kept.setdefault(name, []).append(descriptor)
    return kept
