"""The milter: libmilter calls from a thread per connection, `Transit` decides.

Callbacks that need no answer are declared so, which saves Postfix the round trip: it sends MAIL,
all header fields and the whole body without waiting, and waits at RCPT and at the end only.
"""

# pymilter has no types
# mypy: disable-error-code="untyped-decorator,no-any-return"

from __future__ import annotations

import gc
import grp
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import Milter
import milter

from chatmaild import logs, systemd
from chatmaild.dkim.keys import load_signer
from chatmaild.dkim.resolver import KeyCache
from chatmaild.filter import verdicts
from chatmaild.filter.message import Budget, Entrance, Outcome, Policy, Transit
from chatmaild.filter.ratelimit import RateLimiter
from chatmaild.filter.verdicts import Accept, Discard, Refuse
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes

_log = logging.getLogger(__name__)

_HEADERS_IN_FLIGHT: Final = 64 << 20  # octets; bodies are not kept
_ACTIONS: Final = (
    Milter.ADDHDRS | Milter.CHGHDRS | Milter.DELRCPT | Milter.CHGFROM | Milter.SETSYMLIST
)
# libmilter gives up a connection on which nothing happens: longer than any pause of an SMTP client
_TIMEOUT_S: Final = 7200
_BACKLOG: Final = 1024  # every process of Postfix may come at once

Action = int


def _guarded(callback: Callable[..., Action]) -> Callable[..., Action]:
    """An error asks the client to come back, and its log line holds no address."""

    def guarded(self: Connection, *arguments: Any) -> Action:
        try:
            return callback(self, *arguments)
        except Exception as error:  # whatever it is, no mail may be lost by it
            _log.error("%s failed: %s", callback.__name__, _place_of(error))
            self.broken = True
            return Milter.CONTINUE

    guarded.__name__ = callback.__name__
    return guarded


class Connection(Milter.Base):  # type: ignore[misc]
    """One SMTP connection, or one message that Postfix made itself."""

    policy: Policy  # set on the subclass that serves

    def __init__(self) -> None:
        self.broken = False
        self._transit: Transit | None = None
        self._sender = ""

    @Milter.noreply
    @Milter.decode("bytes")
    @Milter.symlist("{daemon_name}")
    @_guarded
    def envfrom(self, sender: bytes, *_: bytes) -> Action:
        """MAIL: what is wrong with it is answered at RCPT, where clients expect it."""
        self._close_message()
        self._sender = _address(sender)
        entrance = Entrance(self.getsymval("{daemon_name}"))
        self._transit = Transit(self.policy, entrance, self._sender)
        return Milter.CONTINUE

    @Milter.decode("bytes")
    @_guarded
    def envrcpt(self, recipient: bytes, *_: bytes) -> Action:
        """RCPT."""
        if self._transit is None or self.broken:
            return self._refuse(verdicts.INTERNAL_ERROR)
        if self._transit.refusal is not None:
            return self._refuse(self._transit.refusal)
        self._transit.add_recipient(_address(recipient))
        return Milter.CONTINUE

    @Milter.noreply
    @Milter.decode("bytes")
    @_guarded
    def header(self, name: str, value: bytes) -> Action:
        """One header field, folds as bare LF."""
        if self._transit is not None:
            if b"\n" in value:
                value = value.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            self._transit.add_header(name.encode("ascii", "replace"), value)
        return Milter.CONTINUE

    @Milter.noreply
    @_guarded
    def eoh(self) -> Action:
        """End of the header."""
        if self._transit is not None:
            self._transit.end_of_headers()
        return Milter.CONTINUE

    @Milter.noreply
    @_guarded
    def body(self, octets: bytes) -> Action:
        """A piece of the body."""
        if self._transit is not None and not self.broken:
            self._transit.body(octets)
        return Milter.CONTINUE

    def eom(self) -> Action:
        """End of the message."""
        action = self._end()
        if self.broken:  # also when it was the end itself that broke
            action = self._refuse(verdicts.INTERNAL_ERROR)
        self._close_message()
        return action

    @_guarded
    def abort(self) -> Action:
        """The message ends without a decision."""
        self._close_message()
        return Milter.CONTINUE

    @_guarded
    def close(self) -> Action:
        """The connection ends."""
        self._close_message()
        return Milter.CONTINUE

    @_guarded
    def _end(self) -> Action:
        if self._transit is None or self.broken:
            self.broken = True
            return Milter.CONTINUE
        outcome = self._transit.end()
        if isinstance(outcome.verdict, Refuse):
            return self._refuse(outcome.verdict)
        if isinstance(outcome.verdict, Discard):
            return int(Milter.DISCARD)
        self._apply(outcome, outcome.verdict)
        return Milter.CONTINUE

    def _apply(self, outcome: Outcome, verdict: Accept) -> None:
        for change in outcome.changes:
            value = None if change.value is None else change.value.decode()
            self.chgheader(change.name.decode(), change.index, value)
        if outcome.signature is not None:
            signature = outcome.signature.replace(b"\r\n", b"\n").decode()
            self.addheader("DKIM-Signature", signature, 0)
        for address in outcome.removed:
            self.delrcpt(f"<{address}>")
        if verdict.null_sender and self._sender:
            self.chgfrom("<>")

    def _refuse(self, refusal: Refuse) -> Action:
        if refusal.code >= 500:
            _log.info("refused: %s", refusal.reason)
        text = refusal.text.encode("ascii", "replace").decode()[:400].replace("%", "%%")
        self.setreply(str(refusal.code), None, text)
        return int(Milter.REJECT if refusal.code >= 500 else Milter.TEMPFAIL)

    def _close_message(self) -> None:
        if self._transit is not None:
            self._transit.close()
        self._transit = None
        self.broken = False


def serve(settings: Settings) -> None:
    """Serve until SIGTERM.

    Raises:
        OSError: the socket cannot be made, or a key cannot be read.
        SettingsError: the file of the signing key holds something else.
    """

    class Served(Connection):
        policy = policy_of(settings)

    Milter.factory = Milter.enable_protocols(Served, Milter.P_HDR_LEADSPC)
    _register()
    milter.setbacklog(_BACKLOG)
    milter.settimeout(_TIMEOUT_S)
    milter.setconn(f"unix:{settings.sockets.milter}")
    milter.opensocket(True)
    _admit_postfix(Path(settings.sockets.milter), settings.users.postfix)
    gc.collect()
    gc.freeze()  # what is loaded by now stays
    systemd.notify("READY=1")
    milter.main()  # libmilter itself waits for SIGTERM


def policy_of(settings: Settings) -> Policy:
    """What all messages of this relay share.

    Raises:
        OSError, SettingsError: see `load_signer`.
    """
    return Policy(
        mail_domain=settings.mail_domain,
        markers=Mailboxes.of(settings),
        limiter=RateLimiter(
            per_minute=settings.mail.messages_per_minute, burst=settings.mail.message_burst
        ),
        signer=load_signer(settings),
        keys=KeyCache(),
        headers_in_flight=Budget(_HEADERS_IN_FLIGHT),
    )


def _register() -> None:
    """Hand libmilter the callbacks that are used; `Milter.runmilter` would not let us say READY."""
    milter.set_flags(_ACTIONS)
    milter.set_exception_policy(Milter.TEMPFAIL)
    milter.set_envfrom_callback(lambda context, *a: context.getpriv().envfrom_bytes(*a))
    milter.set_envrcpt_callback(lambda context, *a: context.getpriv().envrcpt_bytes(*a))
    milter.set_header_callback(lambda context, *a: context.getpriv().header_bytes(*a))
    milter.set_eoh_callback(lambda context: context.getpriv().eoh())
    milter.set_body_callback(lambda context, octets: context.getpriv().body(octets))
    milter.set_eom_callback(lambda context: context.getpriv().eom())
    milter.set_abort_callback(lambda context: context.getpriv().abort())
    milter.set_close_callback(Milter.close_callback)
    milter.register("chatmail", negotiate=Milter.negotiate_callback)


def _admit_postfix(socket: Path, group: str) -> None:
    """Let Postfix connect, and nobody else where that can be had.

    Whoever can connect can have anything signed. Postfix' processes have their own group alone, so
    the socket is given to that one; for this our user must be a member.
    """
    try:
        os.chown(socket, -1, grp.getgrnam(group).gr_gid)
        socket.chmod(0o660)
    except (KeyError, PermissionError):
        _log.warning("anybody on this machine can connect: user is not in the group %s", group)
        socket.chmod(0o666)


def _address(path: bytes) -> str:
    """Address in an envelope path, without the angle brackets."""
    return path.decode("utf-8", "surrogateescape").strip().removeprefix("<").removesuffix(">")


def _place_of(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = ""
    if trace is not None:
        place = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
    return logs.kind_of(error) + place
