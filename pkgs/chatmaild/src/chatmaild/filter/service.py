"""The process around the milter: its socket, readiness, SIGTERM."""

from __future__ import annotations

import gc
import grp
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Final

from chatmaild import systemd
from chatmaild.dkim.keys import load_signer
from chatmaild.dkim.resolver import KeyCache
from chatmaild.filter import milter
from chatmaild.filter.policy import Budget, Policy
from chatmaild.filter.ratelimit import RateLimiter
from chatmaild.filter.standing import Recipients
from chatmaild.settings import Settings
from chatmaild.store.fullness import Fullness
from chatmaild.store.mailboxes import Mailboxes

_log = logging.getLogger(__name__)

_HEADERS_IN_FLIGHT: Final = 64 << 20  # octets; bodies are not kept
_DRAIN_S: Final = 5.0  # a message takes milliseconds; one whose key DNS does not give can wait
_POLL_S: Final = 0.02


def serve(settings: Settings) -> None:
    """Serve until SIGTERM.

    Raises:
        OSError: the socket cannot be made, or a key cannot be read.
        SettingsError: the file of the signing key holds something else.
    """

    under_way: set[milter.Connection] = set()
    milter.listen(settings.sockets.milter, policy_of(settings), under_way)
    _admit_postfix(Path(settings.sockets.milter), settings.users.postfix)
    gc.collect()
    gc.freeze()  # what is loaded by now stays
    _main(Path(settings.sockets.milter), under_way)


def policy_of(settings: Settings) -> Policy:
    """What all messages of this relay share.

    Raises:
        OSError, SettingsError: see `load_signer`.
    """
    mailboxes = Mailboxes.of(settings)
    fullness = Fullness(mailboxes, settings.retention)
    return Policy(
        mail_domain=settings.mail_domain,
        markers=mailboxes,
        recipients=Recipients(settings.mail_domain, fullness, settings.sockets.quota_status),
        limiter=RateLimiter(
            per_minute=settings.mail.messages_per_minute, burst=settings.mail.message_burst
        ),
        signer=load_signer(settings),
        keys=KeyCache(),
        headers_in_flight=Budget(_HEADERS_IN_FLIGHT),
    )


def _main(path: Path, under_way: set[milter.Connection]) -> None:
    """Run libmilter until SIGTERM, then let the messages under way end.

    Raises:
        OSError: libmilter ended by itself.
    """
    stopping = threading.Event()

    def work() -> None:
        try:
            milter.run()
        finally:
            stopping.set()

    worker = threading.Thread(target=work, daemon=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    worker.start()
    systemd.notify("READY=1")
    stopping.wait()
    if not worker.is_alive():
        raise OSError("libmilter ended, see above")
    systemd.notify("STOPPING=1")
    milter.refuse_more()
    path.unlink(missing_ok=True)  # nobody comes any more
    deadline_s = time.monotonic() + _DRAIN_S
    while under_way and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    _leave()


def _leave() -> None:
    """End the process as it is.

    libmilter's own stop would take up to five seconds, and abandons a message as soon as Postfix
    pauses.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _admit_postfix(path: Path, group: str) -> None:
    """Let Postfix connect, and nobody else: whoever can connect can have anything signed.

    Postfix' processes have its own group alone, so this service must run with that group.
    """
    try:
        is_ours = grp.getgrnam(group).gr_gid == os.getegid()
    except KeyError:
        is_ours = False
    if not is_ours:
        _log.warning("anybody on this machine can connect: the service lacks group %s", group)
    path.chmod(0o660 if is_ours else 0o666)
