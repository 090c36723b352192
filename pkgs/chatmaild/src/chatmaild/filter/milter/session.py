"""A milter session: one SMTP connection, or the bounces that Postfix makes.

Postfix sends MAIL, all header fields and the body without waiting for an answer. It waits at the
end of the message, and at RCPT of mail at port 25 (`negotiation`). A refused MAIL is answered where
Postfix waits next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from chatmaild.filter import verdicts
from chatmaild.filter.envelope import Recipient
from chatmaild.filter.milter.negotiation import MACROS, Mode
from chatmaild.filter.policy import Envelope, MustWaitError, Policy
from chatmaild.filter.transaction import Decision, Transaction
from chatmaild.filter.verdicts import Discard, Refuse
from chatmaild.logs import log_error
from chatmaild.wire import milter
from chatmaild.wire.loop import State, Work

_log = logging.getLogger(__name__)


class Session:
    """One milter session: takes packets, returns answers. One thread at a time may use it."""

    __slots__ = (
        "_content_began",
        "_decision",
        "_envelope",
        "_is_negotiated",
        "_macros",
        "_may_wait",
        "_mode",
        "_packets",
        "_policy",
        "_policy_now",
        "_received",
        "_refusal",
        "_transaction",
    )

    def __init__(self, policy: Policy, mode: Mode) -> None:
        """Begin a session."""
        self._policy = policy
        self._policy_now = policy  # of the message, see `Policy.of_message`
        self._mode = mode
        self._may_wait = False  # a thread takes the packet, for the second time
        self._is_negotiated = False
        self._packets = milter.Packets()
        self._macros: dict[bytes, bytes] = {}
        self._envelope: Envelope | None = None
        self._refusal: Refuse | None = None
        self._transaction: Transaction | None = None
        self._decision: Decision | None = None  # of the message that has ended, until `settle`
        self._content_began = False  # header or body of the message have begun to arrive
        self._received: list[milter.Packet] = []  # MAIL and RCPT with their macros, and DATA

    @property
    def state(self) -> State | None:
        """The packets that restore the session in another process; None while content arrives.

        These are the envelope and DATA. After DATA an SMTP client may take minutes before Postfix
        sends the content.
        """
        if self._content_began or not self._is_negotiated or not self._packets.is_between:
            return None
        packets = [milter.packet(bytes([command]), data) for command, data in self._received]
        return State(self._mode.fd_name_prefix, b"".join(packets))

    def resume(self, state: bytes) -> bytes | Work:
        """Take the state of a session of the previous process; as `receive`."""
        self._is_negotiated = True
        return self.receive(state)

    def refuse(self) -> None:
        """Refuse the current message with a 4xx."""
        self._refusal = verdicts.INTERNAL_ERROR

    def receive(self, data: bytes) -> bytes | Work:
        """Take bytes from Postfix; return the answers, or a function that computes them.

        The function may block: run it in a thread.

        Raises:
            ProtocolError: the bytes are not the milter protocol, or not our version of it.
        """
        return self._run(self._packets.feed(data), b"")

    def settle(self) -> None:
        """Count the message that has ended, and release its memory."""
        if self._decision is not None:
            self._forget()

    def close(self) -> None:
        """Release the memory of the current message."""
        self._forget()

    def _run(self, packets: list[milter.Packet], answers: bytes) -> bytes | Work:
        for number, (command, data) in enumerate(packets):
            handler = _HANDLERS.get(command)
            if handler is None:  # QUIT, and steps that were not requested
                continue
            try:
                answer = handler(self, data)
            except MustWaitError:
                return partial(self._wait, packets[number:], answers)
            except milter.ProtocolError:
                raise
            except Exception as error:  # any error is a 4xx: no mail is lost
                log_error("filter", error)
                answer = self._failed(command)
            answers += answer or b""
        return answers

    def _wait(self, packets: list[milter.Packet], answers: bytes) -> bytes:
        """Take the packets in a thread: the first one again, which has to wait."""
        self._may_wait = True
        try:
            first = self._run(packets[:1], answers)
        finally:
            self._may_wait = False
        rest = self._run(packets[1:], first if isinstance(first, bytes) else first())
        return rest if isinstance(rest, bytes) else rest()

    def _failed(self, command: int) -> bytes:
        """Answer 451 now if Postfix waits for an answer, otherwise where it waits next."""
        self._refusal = verdicts.INTERNAL_ERROR
        if command not in self._mode.waits_at:
            return b""
        answer = self._refused(verdicts.INTERNAL_ERROR)
        if command == milter.END_OF_MESSAGE:
            self._forget()
        return answer

    def _negotiate(self, data: bytes) -> bytes:
        if not milter.Options.parse(data).offers(self._mode.options):
            raise milter.ProtocolError("the mail server does not speak our milter protocol")
        self._is_negotiated = True
        return milter.negotiation(self._mode.options, MACROS)

    def _take_macros(self, data: bytes) -> None:
        stage, macros = milter.parse_macros(data)
        if stage in MACROS:
            if stage == milter.MAIL:
                self._received = []
            self._macros.update(macros)
            self._received.append((milter.MACROS, data))

    def _mail(self, data: bytes) -> None:
        received = [*self._received, (milter.MAIL, data)]
        self._forget()
        self._received = received
        macros, self._macros = self._macros, {}
        self._refusal = verdicts.INTERNAL_ERROR  # until the checks are done
        self._envelope = Envelope(ingress=self._mode.ingress(macros))
        self._envelope.client = macros.get(b"{client_addr}", b"").decode("ascii", "replace")
        self._policy_now = self._policy.of_message()
        found = self._policy_now.sender(
            self._envelope.ingress,
            milter.first_argument(data),
            resolved=macros.get(b"{mail_addr}", b""),
            login=macros.get(b"{auth_authen}", b""),
            client=self._envelope.client,
        )
        self._refusal = found if isinstance(found, Refuse) else None
        if not isinstance(found, Refuse):
            self._envelope.sender = found

    def _rcpt(self, data: bytes) -> bytes:
        if not (self._mode.answers_recipients or self._may_wait):
            # before the checks: Postfix has this recipient, so the next process must check it, too
            self._received.append((milter.RCPT, data))
        refusal = self._recipient_refusal(data)
        if not self._mode.answers_recipients:
            self._refusal = refusal
            return b""
        if refusal is not None:
            return self._refused(refusal)
        self._received.append((milter.RCPT, data))
        return milter.CONTINUE

    def _recipient_refusal(self, data: bytes) -> Refuse | None:
        """Add a recipient to the envelope, or return why not."""
        # stays for the second time; an old one is that of another recipient, which is refused
        resolved = self._macros.get(b"{rcpt_addr}", b"")
        if self._refusal is not None or self._envelope is None:
            return self._refusal or verdicts.INTERNAL_ERROR
        found = self._policy_now.recipient(
            self._envelope.ingress,
            milter.first_argument(data),
            resolved=resolved,
            must_exist=self._mode.is_direct,
            may_wait=self._may_wait,
        )
        if not isinstance(found, Recipient):
            return found
        refusal = self._policy_now.too_many_domains(self._envelope, found)
        if refusal is None:
            self._envelope.recipients.append(found)
        return refusal

    def _data(self, data: bytes) -> None:
        """Look up what needs only the envelope, while the client sends the content."""
        if not self._may_wait:
            self._received.append((milter.DATA, data))
        is_ready = self._refusal is None and self._transaction is None
        if is_ready and self._envelope is not None:
            self._refusal = self._policy_now.look_up(self._envelope, may_wait=self._may_wait)
            if self._refusal is None:
                self._transaction = Transaction(self._policy_now, self._envelope)

    def _header(self, data: bytes) -> None:
        self._content_began = True
        if self._transaction is not None:
            name, value = milter.parse_header(data)
            if b"\n" in value:
                value = value.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            self._transaction.add_header(name, value)

    def _end_of_header(self, _: bytes) -> None:
        self._content_began = True
        if self._transaction is not None:
            self._transaction.end_of_headers()

    def _body(self, data: bytes) -> None:
        if self._transaction is not None and self._refusal is None:
            self._transaction.body(data)

    def _end_of_message(self, _: bytes) -> bytes:
        return self._decided(may_wait=self._may_wait)

    def _decided(self, *, may_wait: bool) -> bytes:
        """End the message and return its answers.

        Raises:
            MustWaitError: the decision has to wait; only without `may_wait`.
        """
        self.settle()
        refusal, transaction = self._refusal, self._transaction
        if transaction is None or refusal is not None:
            decision = Decision(verdict=refusal or verdicts.INTERNAL_ERROR)
        else:
            decision = transaction.end(may_wait=may_wait)
        has_sender = self._envelope is not None and self._envelope.sender is not None
        answer = decision.packets(has_sender=has_sender)
        self._decision = None if self._mode.comes_again(answer) else decision
        return answer

    def _refused(self, refusal: Refuse) -> bytes:
        """Refuse at once, and count it."""
        self._count_refusal(refusal)
        return milter.reply(refusal.code, refusal.text)

    def _count(self, decision: Decision) -> None:
        verdict, tally = decision.verdict, self._policy.tally
        if isinstance(verdict, Refuse):
            self._count_refusal(verdict)
        elif isinstance(verdict, Discard):
            tally.discarded(self._ingress)
        else:
            message_id = None if self._transaction is None else self._transaction.message_id
            tally.accepted(self._ingress, message_id, signed=decision.signature is not None)

    def _count_refusal(self, refusal: Refuse) -> None:
        self._policy.tally.refused(self._ingress, refusal.code, refusal.reason)
        if refusal.code >= 500:
            _log.info("refused: %s", refusal.reason)

    @property
    def _ingress(self) -> str:
        return "unknown" if self._envelope is None else self._envelope.ingress.label

    def _forget(self, _: bytes = b"") -> None:
        """Drop the current message and its state; count it if it has ended."""
        if self._decision is not None:
            self._count(self._decision)
        if self._transaction is not None:
            self._transaction.close()
        self._envelope = self._refusal = self._transaction = self._decision = None
        self._content_began = False
        self._received = []


_HANDLERS: Final[dict[int, Callable[[Session, bytes], bytes | None]]] = {
    milter.HEADER: Session._header,
    milter.BODY: Session._body,
    milter.MACROS: Session._take_macros,
    milter.MAIL: Session._mail,
    milter.RCPT: Session._rcpt,
    milter.DATA: Session._data,
    milter.END_OF_HEADER: Session._end_of_header,
    milter.END_OF_MESSAGE: Session._end_of_message,
    milter.ABORT: Session._forget,
    milter.NEGOTIATE: Session._negotiate,
}
