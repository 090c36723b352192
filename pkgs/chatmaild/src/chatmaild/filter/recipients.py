"""How recipients of this relay can be reached: the disk says, and in the rare case Dovecot."""

from __future__ import annotations

import logging
import socket
from typing import Final, Protocol

from chatmaild.address import Address
from chatmaild.filter.envelope import Mailbox
from chatmaild.filter.rules import Standing

_log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 2.0  # Dovecot needs milliseconds, 0.1 s where it starts a process for it
_ANSWER_BYTES: Final = 1024
_HAS_ROOM: Final = b"action=OK"
_IS_FULL: Final = b"action=552"  # see modules/chatmail/dovecot.nix


class Addresses(Protocol):
    """What is known of the addresses of this relay."""

    def exists(self, address: Address) -> bool: ...
    def is_nearly_full(self, address: Address) -> bool: ...


class Recipients:
    """Asks the disk, and in the rare case Dovecot."""

    def __init__(self, addresses: Addresses, quota_socket: str) -> None:
        self._addresses = addresses
        self._quota_socket = quota_socket

    def standing(self, mailbox: Mailbox) -> Standing:
        """How a mailbox can be reached.

        Raises:
            OSError: the disk cannot tell.
        """
        if not isinstance(mailbox, Address):
            return Standing.REACHABLE
        if not self._addresses.exists(mailbox):
            return Standing.GONE
        is_nearly_full = self._addresses.is_nearly_full(mailbox)
        return Standing.NEARLY_FULL if is_nearly_full else Standing.REACHABLE

    def has_room(self, mailbox: Mailbox, size_bytes: int) -> bool:
        """Whether a message fits into a mailbox, by Dovecot's own reckoning.

        True where Dovecot does not say: the message is taken, and bounces if it does not fit.
        """
        try:
            answer = self._asked(f"recipient={mailbox}\nsize={size_bytes}\n\n".encode())
        except OSError as error:
            _log.warning("Dovecot's quota-status does not answer: %s", type(error).__name__)
            return True
        if not answer.startswith((_HAS_ROOM, _IS_FULL)):
            _log.warning("Dovecot's quota-status cannot tell")
        return not answer.startswith(_IS_FULL)

    def _asked(self, question: bytes) -> bytes:
        """The answer in the protocol of Postfix' SMTPD_POLICY_README.

        Raises:
            OSError: there is none.
        """
        answer = b""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dovecot:
            dovecot.settimeout(_TIMEOUT_S)
            dovecot.connect(self._quota_socket)
            dovecot.sendall(question)
            while b"\n" not in answer and len(answer) < _ANSWER_BYTES:
                piece = dovecot.recv(_ANSWER_BYTES)
                if not piece:
                    raise ConnectionResetError
                answer += piece
        return answer
