"""The milter: libmilter calls from a thread per connection, `Transit` decides.

Most callbacks need no answer, which saves Postfix the round trip: it sends MAIL, all header fields
and the whole body without waiting, and waits at RCPT and at the end only.

The functions of the module `milter` are used as they are. pymilter's classes around them would put
three more Python calls into every callback.
"""

# pymilter has no types
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import milter

from chatmaild import logs
from chatmaild.filter import verdicts
from chatmaild.filter.addresses import IpAddress, ip_address
from chatmaild.filter.message import Outcome, Transit
from chatmaild.filter.policy import Entrance, Policy
from chatmaild.filter.verdicts import Accept, Discard, Refuse

_log = logging.getLogger(__name__)

_ACTIONS: Final = (
    milter.ADDHDRS
    | milter.CHGHDRS
    | milter.CHGBODY
    | milter.DELRCPT
    | milter.CHGFROM
    | milter.SETSYMLIST
)
_UNWANTED: Final = milter.P_NOCONNECT | milter.P_NOHELO | milter.P_NOUNKNOWN
_UNANSWERED: Final = (
    milter.P_NR_MAIL | milter.P_NR_DATA | milter.P_NR_HDR | milter.P_NR_EOH | milter.P_NR_BODY
)
_PROTOCOL: Final = _UNWANTED | _UNANSWERED | milter.P_HDR_LEADSPC
# libmilter gives up a connection on which nothing happens: longer than any pause of an SMTP client
_TIMEOUT_S: Final = 7200
_BACKLOG: Final = 1024  # every process of Postfix may come at once
_ENTRANCES: Final = {entrance.value: entrance for entrance in Entrance}

Action = int
Context = Any  # what libmilter knows of a connection

_stopping = threading.Event()


class Connection:
    """One SMTP connection, or one message that Postfix made itself."""

    def __init__(self, context: Context, policy: Policy, under_way: set[Connection]) -> None:
        self._context = context
        self._policy = policy
        self._under_way = under_way
        self._sender = ""
        self._client: IpAddress | None = None
        self._entrance = Entrance.SUBMISSION
        self._recipients: list[str] = []
        self._refusal: Refuse | None = None
        self._transit: Transit | None = None

    def forget(self) -> None:
        """The message is over, with a decision or without."""
        if self._transit is not None:
            self._transit.close()
        self._refusal = None
        self._recipients = []
        self._transit = None
        self._under_way.discard(self)

    def mail(self, sender: bytes, *_: bytes) -> None:
        """MAIL: what is wrong with it is answered at RCPT, where clients expect it."""
        self.forget()
        if _stopping.is_set():
            self._refusal = verdicts.INTERNAL_ERROR
            return
        self._under_way.add(self)
        self._sender = _address(sender)
        self._entrance = _ENTRANCES[self._context.getsymval("{daemon_name}")]
        self._client = ip_address(self._context.getsymval("{client_addr}") or "")
        self._refusal = self._policy.refusal(self._entrance, self._sender)

    def rcpt(self, recipient: bytes, *_: bytes) -> Action:
        """RCPT."""
        if self._refusal is not None:
            return self.refuse(self._refusal)
        self._recipients.append(_address(recipient))
        return milter.CONTINUE

    def data(self) -> None:
        """DATA: there is time until the message is here."""
        if self._refusal is None:
            self._transit = Transit(
                self._policy, self._entrance, self._sender, self._recipients, self._client
            )

    def header(self, name: str, value: bytes) -> None:
        """One header field, folds as bare LF."""
        if self._transit is not None:
            if b"\n" in value:
                value = value.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            self._transit.add_header(name.encode("ascii", "replace"), value)

    def end_of_header(self) -> None:
        """All fields of the header have been told."""
        if self._transit is not None:
            self._transit.end_of_headers()

    def body(self, octets: bytes) -> None:
        """A piece of the body."""
        if self._transit is not None and self._refusal is None:
            self._transit.body(octets)

    def end_of_message(self) -> Action:
        """Decide."""
        try:
            return self._decide()
        finally:
            self.forget()

    def fail(self, callback: str, error: Exception) -> None:
        """An error asks the client to come back, and its log line holds no address."""
        _log.error("%s failed: %s", callback, _place_of(error))
        self._refusal = verdicts.INTERNAL_ERROR

    def refuse(self, refusal: Refuse) -> Action:
        """Make it the reply."""
        if refusal.code >= 500:
            _log.info("refused: %s", refusal.reason)
        text = refusal.text.encode("ascii", "replace").decode()[:400].replace("%", "%%")
        self._context.setreply(str(refusal.code), None, text)
        return milter.REJECT if refusal.code >= 500 else milter.TEMPFAIL

    def _decide(self) -> Action:
        if self._transit is None or self._refusal is not None:
            return self.refuse(verdicts.INTERNAL_ERROR)
        outcome = self._transit.end()
        if isinstance(outcome.verdict, Refuse):
            return self.refuse(outcome.verdict)
        if isinstance(outcome.verdict, Discard):
            return milter.DISCARD
        self._apply(outcome, outcome.verdict, self._transit.sender)
        return milter.CONTINUE

    def _apply(self, outcome: Outcome, verdict: Accept, sender: str) -> None:
        for change in outcome.changes:
            value = None if change.value is None else change.value.decode()
            self._context.chgheader(change.name.decode(), change.index, value)
        if outcome.signature is not None:
            signature = outcome.signature.replace(b"\r\n", b"\n").decode()
            self._context.addheader("DKIM-Signature", signature, 0)
        for address in outcome.removed:
            self._context.delrcpt(f"<{address}>")
        if outcome.body is not None:
            self._context.replacebody(outcome.body)
        if verdict.null_sender and sender:
            self._context.chgfrom("<>", None)


def listen(path: str, policy: Policy, under_way: set[Connection]) -> None:
    """Make the socket; messages are taken by `run`.

    pymilter's `runmilter` would do both in one step, and nobody could say READY in between.
    """

    def negotiate(context: Context, options: list[int]) -> Action:
        """Agree with Postfix on what is sent, and what is answered."""
        if _ACTIONS & ~options[0] or _PROTOCOL & ~options[1]:
            _log.error("the mail server does not speak version 6 of the milter protocol")
            return milter.REJECT
        options[:] = _ACTIONS, _PROTOCOL, 0, 0
        context.setsymlist(milter.M_ENVFROM, "{daemon_name} {client_addr}")
        context.setpriv(Connection(context, policy, under_way))
        return milter.CONTINUE

    milter.set_flags(_ACTIONS)
    milter.set_exception_policy(milter.TEMPFAIL)
    milter.set_envfrom_callback(_told(Connection.mail))
    milter.set_envrcpt_callback(_asked(Connection.rcpt))
    milter.set_header_callback(_told(Connection.header))
    milter.set_eoh_callback(_told(Connection.end_of_header))
    milter.set_body_callback(_told(Connection.body))
    milter.set_eom_callback(_asked(Connection.end_of_message))
    milter.set_abort_callback(_told(Connection.forget))
    milter.set_close_callback(_closed)
    milter.register("chatmail", data=_told(Connection.data), negotiate=negotiate)
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


def _closed(context: Context) -> Action:
    connection = context.getpriv()
    if connection is not None:  # there is none where the protocol was not agreed on
        connection.forget()
        context.setpriv(None)
    return milter.CONTINUE


def _told(method: Callable[..., None]) -> Callable[..., Action]:
    """The callback of something that is not answered."""

    def callback(context: Context, *arguments: Any) -> Action:
        connection = context.getpriv()
        try:
            method(connection, *arguments)
        except Exception as error:  # whatever it is, no mail may be lost by it
            connection.fail(method.__name__, error)
        return milter.NOREPLY

    return callback


def _asked(method: Callable[..., Action]) -> Callable[..., Action]:
    """The callback of something that is answered."""

    def callback(context: Context, *arguments: Any) -> Action:
        connection = context.getpriv()
        try:
            return method(connection, *arguments)
        except Exception as error:  # see above
            connection.fail(method.__name__, error)
            return connection.refuse(verdicts.INTERNAL_ERROR)

    return callback


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
