"""Listening sockets that outlive the process (see `systemd.py`), and never take another's place.

A socket file may be left over from a process that died, or lead to another process, so each path is
connected to first. If another process answers, this one stops. If none does, the file is replaced,
also where systemd kept a socket that clients cannot reach any more.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from pathlib import Path
from typing import Final

from chatmaild.errors import SocketInUseError
from chatmaild.wire import systemd

# fifty people who tap an invite link at once, with some connections each
BACKLOG: Final = 1024
# a machine that lost power leaves connections that nobody closes
_LOST_S: Final = 60
# unix(7), SO_PEERCRED: process, user and group that called listen()
_CREDENTIALS: Final = struct.Struct("3i")
# flag of a listening socket in /proc/net/unix (__SO_ACCEPTCON)
_LISTENS: Final = 1 << 16


def listen_unix(path: str | Path, mode: int = 0o660) -> socket.socket:
    """Return a listening unix socket with that mode: the kept one, or a new one.

    A new socket has the group of its directory where that has the setgid bit (mkdir(2)).

    Raises:
        SocketInUseError: another process listens there.
        OSError: the directory is missing or not writable.
    """
    path, name = Path(path), str(path)
    listener = systemd.take_kept(name)
    try:
        if listener is not None:
            # from now on its clients see the number of this process
            listener.listen(BACKLOG)
        if _is_reached(path, listener):
            path.chmod(mode)
        else:
            if listener is not None:
                listener.close()
                systemd.forget(name)
            listener = _new(path, mode)
    except OSError:
        if listener is not None:
            listener.close()
        raise
    assert listener is not None
    listener.setblocking(False)
    return listener


def _is_reached(path: Path, listener: socket.socket | None) -> bool:
    """Tell whether clients of this path reach the listener; False where they reach nobody.

    Raises:
        SocketInUseError: they reach another process.
        OSError: this process may not enter the directory.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except PermissionError:
            # a file of another user, as a service leaves it that root started by hand
            if not _has_listener(path, listener):
                return False
            raise SocketInUseError(f"{path} is in use: stop the unit that listens there") from None
        except BlockingIOError:
            # a full queue: that of the kept listener, whose clients have waited for this process
            if listener is not None:
                return True
            raise SocketInUseError(f"{path} is in use: stop the unit that listens there") from None
        answer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        process, *_ = _CREDENTIALS.unpack(answer)
    if listener is not None and process == os.getpid():
        return True
    raise SocketInUseError(f"{path} is in use by {_owner(process)}: stop it first")


def _owner(process: int) -> str:
    """Name a process, with its unit where that is known (proc(5), cgroup)."""
    try:
        group = Path(f"/proc/{process}/cgroup").read_text().strip()
    except OSError:
        group = ""
    unit = group.rpartition("/")[2]
    return f"{unit} (process {process})" if unit.endswith(".service") else f"process {process}"


def _has_listener(path: Path, kept: socket.socket | None) -> bool:
    """Tell whether another socket than the kept one listens at the path (proc(5), net/unix)."""
    own = os.fstat(kept.fileno()).st_ino if kept is not None else None
    for line in Path("/proc/self/net/unix").read_text(errors="surrogateescape").splitlines()[1:]:
        _, _, _, flags, _, _, inode, *name = line.split(maxsplit=7)
        if name == [str(path)] and int(flags, 16) & _LISTENS and int(inode) != own:
            return True
    return False


def _new(path: Path, mode: int) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(mode)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    systemd.keep(str(path), listener)
    return listener


def listen_tcp(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket: the kept one, or a new one; 0 is a free port.

    Raises:
        SocketInUseError: another process listens there.
        OSError: the port is not allowed.
    """
    name = f"{host}:{port}"
    listener = systemd.take_kept(name)
    if listener is None:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            in_use = f"port {port} is in use: stop the unit that listens there"
            raise SocketInUseError(in_use) from error
        systemd.keep(name, listener)
    # accepted sockets inherit it, and asyncio does not set it on these: a second reply in a row
    # would wait 40 ms for the acknowledgement of the first (RFC 896)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setblocking(False)
    return listener


def end_lost_connections(listener: socket.socket) -> None:
    """Let the kernel end connections whose other machine is gone."""
    # accepted sockets inherit both (socket(7), tcp(7))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _LOST_S)
