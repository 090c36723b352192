"""The milter: libmilter calls from a thread per connection, `Transit` decides.

Callbacks that need no answer are declared so, which saves Postfix the round trip: it sends MAIL,
all header fields and the whole body without waiting, and waits at RCPT and at the end only.
"""

# pymilter has no types
# mypy: disable-error-code="untyped-decorator,no-any-return"

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import Milter
import milter

from chatmaild import logs
from chatmaild.filter import verdicts
from chatmaild.filter.message import Entrance, Outcome, Policy, Transit
from chatmaild.filter.verdicts import Accept, Discard, Refuse

_log = logging.getLogger(__name__)

_ACTIONS: Final = (
    Milter.ADDHDRS | Milter.CHGHDRS | Milter.DELRCPT | Milter.CHGFROM | Milter.SETSYMLIST
)
# libmilter gives up a connection on which nothing happens: longer than any pause of an SMTP client
_TIMEOUT_S: Final = 7200
_BACKLOG: Final = 1024  # every process of Postfix may come at once

Action = int

_stopping = threading.Event()


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

    def __init__(self, policy: Policy, under_way: set[Connection]) -> None:
        self._policy = policy
        self._under_way = under_way
        self.broken = False
        self._transit: Transit | None = None
        self._sender = ""

    def negotiate(self, options: list[int]) -> Action:
        """Agree with Postfix on what is sent, and what is answered.

        `Milter.symlist` would ask for the macro as well, but fails on Python 3 (pymilter 1.0.6),
        and then every callback is called and answered.
        """
        if options[0] & Milter.SETSYMLIST:
            self._ctx.setsymlist(Milter.M_ENVFROM, "{daemon_name}")
        action = super().negotiate(options)
        if action != Milter.CONTINUE or not self._protocol & Milter.P_HDR_LEADSPC:
            _log.error("the mail server does not speak version 6 of the milter protocol")
            return int(Milter.REJECT)
        return int(action)

    @Milter.noreply
    @Milter.decode("bytes")
    @_guarded
    def envfrom(self, sender: bytes, *_: bytes) -> Action:
        """MAIL: what is wrong with it is answered at RCPT, where clients expect it."""
        self._close_message()
        if _stopping.is_set():
            self.broken = True
            return Milter.CONTINUE
        self._sender = _address(sender)
        entrance = Entrance(self.getsymval("{daemon_name}"))
        self._transit = Transit(self._policy, entrance, self._sender)
        self._under_way.add(self)
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
    @_guarded
    def data(self) -> Action:
        """DATA: there is time until the message is here."""
        if self._transit is not None and not self.broken:
            self._transit.end_of_envelope()
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
        self._under_way.discard(self)


def listen(path: str, policy: Policy, under_way: set[Connection]) -> None:
    """Make the socket; messages are taken by `run`.

    `Milter.runmilter` would do both in one step, and nobody could say READY in between.
    """
    served = Milter.enable_protocols(Connection, Milter.P_HDR_LEADSPC)
    Milter.factory = lambda: served(policy, under_way)
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
    milter.register(
        "chatmail",
        data=lambda context: context.getpriv().data(),
        negotiate=Milter.negotiate_callback,
    )
    milter.setbacklog(_BACKLOG)
    milter.settimeout(_TIMEOUT_S)
    milter.setconn(f"unix:{path}")
    milter.opensocket(True)


def run() -> None:
    """Take messages for ever."""
    milter.main()


def refuse_more() -> None:
    """Take no further message; those that have begun go on."""
    _stopping.set()


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
