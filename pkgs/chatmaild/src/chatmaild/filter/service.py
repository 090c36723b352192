"""The process of the unit: listening socket, readiness, SIGTERM, sessions kept by systemd."""

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

from chatmaild.dkim.keys import key_path, load_signer, selectors
from chatmaild.dkim.resolver import KeyCache
from chatmaild.filter.limits.memory import ByteBudget
from chatmaild.filter.limits.rates import DomainLimiter, RateLimiter
from chatmaild.filter.milter.negotiation import DIRECT, EACH_RECIPIENT, WHOLE_MESSAGE
from chatmaild.filter.milter.resumption import resumed
from chatmaild.filter.milter.session import Session
from chatmaild.filter.policy import Policy
from chatmaild.filter.recipients import RecipientLookup
from chatmaild.flow.expected import ExpectedMail
from chatmaild.flow.last_seen import LastSeen
from chatmaild.metrics import Counters, dump, families
from chatmaild.metrics.mail import Tally
from chatmaild.settings import Settings
from chatmaild.store.decisions.domains import Domains
from chatmaild.store.fullness import Fullness
from chatmaild.store.mail.room import Room
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.wire import systemd
from chatmaild.wire.listening import listen_unix
from chatmaild.wire.loop import Loop, State

_log = logging.getLogger(__name__)

_HEADER_BUDGET_BYTES: Final = 64 << 20  # bytes; bodies are not kept
_DRAIN_S: Final = 5.0  # a message takes milliseconds; one that waits for DNS is tempfailed


def serve(settings: Settings) -> None:
    """Serve until SIGTERM.

    A restart interrupts no SMTP session: systemd keeps the listening socket and the sessions for
    the next process. This process finishes messages whose content has begun.

    Raises:
        OSError: the socket cannot be created, or a key cannot be read.
        SettingsError: the file of the signing key holds no RSA key.
    """
    policy = policy_of(settings)
    note_keys(settings, policy.tally.counters)
    rights = _rights(settings.users.postfix)
    with (
        listen_unix(settings.sockets.milter, rights) as others,
        listen_unix(settings.sockets.milter_submission, rights) as submission,
        listen_unix(settings.sockets.milter_direct) as direct,
        listen_unix(settings.sockets.filter_metrics) as numbers,
    ):
        if policy.last_seen is not None:
            policy.last_seen.begin()
        dump.serve_in_thread(numbers, policy.tally.dump)
        modes = {others: EACH_RECIPIENT, submission: WHOLE_MESSAGE, direct: DIRECT}
        loop = Loop({listener: partial(Session, policy, mode) for listener, mode in modes.items()})
        # before connections are taken from systemd: a signal must hand them back at any time
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.stop())
        for mode in modes.values():
            for connection, state in systemd.take_connections(mode.fd_name_prefix):
                loop.add(connection, resumed(policy, mode, state))
        systemd.drop_kept()
        gc.collect()
        gc.freeze()  # modules and settings live as long as the process
        systemd.notify("READY=1")
        loop.run(_keep, _DRAIN_S)
    systemd.notify("STOPPING=1")
    systemd.wait_until_heard(_DRAIN_S)


def policy_of(settings: Settings) -> Policy:
    """The policy of this relay, from its settings.

    Raises:
        OSError: see `load_signer`.
        SettingsError: see `load_signer` and `Domains`.
    """
    mailboxes = Mailboxes.of(settings)
    room = Room(settings.sockets.quota_status)
    policy = Policy(
        mail_domain=settings.mail_domain,
        flags=mailboxes,
        recipient_lookup=RecipientLookup(Fullness(mailboxes), room),
        domains=Domains(settings),
        limiter=RateLimiter(
            per_minute=settings.mail.messages_per_minute, burst=settings.mail.message_burst
        ),
        domain_limiter=DomainLimiter(
            per_message=settings.mail.max_domains,
            per_minute=max(settings.mail.max_domains, settings.mail.domains_per_minute),
        ),
        signer=load_signer(settings),
        keys=KeyCache(),
        last_seen=LastSeen.of(settings),
        expect_mail=ExpectedMail(settings.sockets.destinations).note,
        header_budget=ByteBudget(
            _HEADER_BUDGET_BYTES, reserved_for_small=_HEADER_BUDGET_BYTES // 2
        ),
        tally=Tally(Counters(families.FILTER)),
    )
    if settings.cluster.role != "front":
        return policy
    from chatmaild.filter.directory.answers import Answers  # other machines need no memory for it
    from chatmaild.filter.directory.client import Directory

    return policy.answered_by(Answers(Directory(settings.sockets.directory)))


def note_keys(settings: Settings, counters: Counters) -> None:
    """Note when the key of each selector was made: keys are written once."""
    if not settings.dkim.enable:
        return
    for selector in selectors(settings):
        with contextlib.suppress(OSError):
            made_s = key_path(settings, selector).stat().st_mtime
            counters.set("dkim_key_created_timestamp_seconds", made_s, selector=selector)


def _keep(connection: socket.socket, state: State) -> None:
    with contextlib.suppress(OSError):  # the session ends, and the SMTP client retries
        systemd.keep_connection(f"{state.kind}{connection.fileno()}", connection, state.content)


def _rights(group: str) -> int:
    """Mode of the sockets: only Postfix may connect, because a peer can have any message signed.

    Postfix' processes have no group but their own, so this service must run with that group.
    """
    try:
        is_ours = grp.getgrnam(group).gr_gid == os.getegid()
    except KeyError:
        is_ours = False
    if not is_ours:
        _log.warning("anybody on this machine can connect: the service lacks group %s", group)
    return 0o660 if is_ours else 0o666
