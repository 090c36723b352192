"""The process around the sessions: its socket, readiness, SIGTERM."""

from __future__ import annotations

import contextlib
import gc
import grp
import logging
import os
import signal
import socket
from functools import partial
from typing import Final

from chatmaild.dkim.keys import load_signer
from chatmaild.dkim.resolver import KeyCache
from chatmaild.filter.policy import Budget, Policy
from chatmaild.filter.rate_limit import RateLimiter
from chatmaild.filter.recipients import Recipients
from chatmaild.filter.session import AGREEMENT, Session
from chatmaild.settings import Settings
from chatmaild.store.fullness import Fullness
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.wire import systemd
from chatmaild.wire.listening import listen_unix
from chatmaild.wire.loop import Loop

_log = logging.getLogger(__name__)

_HEADERS_IN_FLIGHT: Final = 64 << 20  # bytes; bodies are not kept
_DRAIN_S: Final = 5.0  # a message takes milliseconds; one whose key DNS does not give can wait


def serve(settings: Settings) -> None:
    """Serve until SIGTERM.

    SMTP sessions do not notice a restart: the socket stays, sessions go on in the next process, and
    messages whose content has come from Postfix end here.

    Raises:
        OSError: the socket cannot be made, or a key cannot be read.
        SettingsError: the file of the signing key holds something else.
    """
    policy = policy_of(settings)
    with listen_unix(settings.sockets.milter, _mode(settings.users.postfix)) as listener:
        loop = Loop(listener, partial(Session, policy))
        # before anything is taken from systemd: it must be handed back, whenever the end comes
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.stop())
        for connection, state in systemd.take_connections(AGREEMENT):
            loop.add(connection, Session.resumed(policy, state))
        systemd.drop_kept()
        gc.collect()
        gc.freeze()  # what is loaded by now stays
        systemd.notify("READY=1")
        loop.run(_keep, _DRAIN_S)
    systemd.notify("STOPPING=1")
    systemd.wait_until_heard(_DRAIN_S)


def policy_of(settings: Settings) -> Policy:
    """What all messages of this relay share.

    Raises:
        OSError, SettingsError: see `load_signer`.
    """
    mailboxes = Mailboxes.of(settings)
    fullness = Fullness(mailboxes, settings.retention)
    return Policy(
        mail_domain=settings.mail_domain,
        flags=mailboxes,
        recipients=Recipients(fullness, settings.sockets.quota_status),
        limiter=RateLimiter(
            per_minute=settings.mail.messages_per_minute, burst=settings.mail.message_burst
        ),
        signer=load_signer(settings),
        keys=KeyCache(),
        headers_in_flight=Budget(_HEADERS_IN_FLIGHT, for_small=_HEADERS_IN_FLIGHT // 2),
    )


def _keep(connection: socket.socket, state: bytes) -> None:
    with contextlib.suppress(OSError):  # the session ends then, and its client comes again
        systemd.keep_connection(f"{AGREEMENT}{connection.fileno()}", connection, state)


def _mode(group: str) -> int:
    """Let Postfix connect, and nobody else: whoever can connect can have anything signed.

    Postfix' processes have its own group alone, so this service must run with that group.
    """
    try:
        is_ours = grp.getgrnam(group).gr_gid == os.getegid()
    except KeyError:
        is_ours = False
    if not is_ours:
        _log.warning("anybody on this machine can connect: the service lacks group %s", group)
    return 0o660 if is_ours else 0o666
