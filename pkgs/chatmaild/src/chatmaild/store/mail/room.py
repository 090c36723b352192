"""Ask Dovecot's quota-status service whether a mailbox has room for a message."""

from __future__ import annotations

import logging
import socket
from typing import Final

from chatmaild.address import Address

_log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 2.0  # Dovecot needs milliseconds, or 0.1 s if it has to start a process
_ANSWER_BYTES: Final = 1024
_HAS_ROOM: Final = b"action=OK"
_IS_FULL: Final = b"action=552"  # see modules/chatmail/dovecot/mailboxes/delivery.nix


class Room:
    """The free space of mailboxes."""

    def __init__(self, quota_socket: str) -> None:
        self._quota_socket = quota_socket

    def has_room(self, address: Address, size_bytes: int) -> bool:
        """Whether Dovecot has room in a mailbox for a message of that size.

        True if Dovecot gives no answer: the message is accepted, and bounces if it does not fit.
        """
        try:
            answer = self._ask(f"recipient={address}\nsize={size_bytes}\n\n".encode())
        except OSError as error:
            _log.warning("Dovecot's quota-status does not answer: %s", type(error).__name__)
            return True
        if not answer.startswith((_HAS_ROOM, _IS_FULL)):
            _log.warning("Dovecot's quota-status cannot tell")
        return not answer.startswith(_IS_FULL)

    def _ask(self, question: bytes) -> bytes:
        """Dovecot's answer, in the protocol of Postfix' SMTPD_POLICY_README.

        Raises:
            OSError: Dovecot gave no answer.
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
