"""Talking to systemd, without importing more than that takes."""

import os
import socket


def notify(state: str) -> None:
    """Tell systemd a state, for example `READY=1` (sd_notify(3)); nothing without systemd."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.connect(address)
        sender.sendall(state.encode())
