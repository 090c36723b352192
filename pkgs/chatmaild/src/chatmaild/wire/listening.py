"""Listening sockets that outlive the process (see `systemd.py`)."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

from chatmaild.wire import systemd

# fifty people tapping an invite link at once, each with some connections
BACKLOG: Final = 1024


def listen_unix(path: str | Path, mode: int = 0o666) -> socket.socket:
    """A listening unix socket with that mode, the one of the process before where it was kept.

    A file left over from a crash, where nobody listens any more, is replaced.

    Raises:
        OSError: the directory is missing or not writable.
    """
    path, name = Path(path), str(path)
    listener = systemd.take_kept(name)
    if listener is not None and not path.is_socket():
        # somebody removed the file, so nobody can connect to this one any more
        listener.close()
        systemd.forget(name)
        listener = None
    is_new = listener is None
    if listener is None:
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if is_new:
            listener.bind(name)
        path.chmod(mode)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    if is_new:
        systemd.keep(name, listener)
    listener.setblocking(False)
    return listener


def listen_tcp(host: str, port: int) -> socket.socket:
    """A listening TCP socket, the one of the process before where it was kept; 0: a free port.

    Raises:
        OSError: the port is taken or not allowed.
    """
    name = f"{host}:{port}"
    listener = systemd.take_kept(name)
    if listener is None:
        listener = socket.create_server((host, port), backlog=BACKLOG)
        systemd.keep(name, listener)
    # accepted sockets inherit it, and asyncio does not set it on these: a second reply in a row
    # would wait 40 ms for the acknowledgement of the first (RFC 896)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setblocking(False)
    return listener
