"""What the filter negotiates with its clients: one mode for each of its three sockets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chatmaild.filter.policy import Ingress
from chatmaild.wire import milter

_INGRESSES: Final = {ingress.value.encode(): ingress for ingress in Ingress}

MACROS: Final = {
    milter.MAIL: ("{daemon_name}", "{client_addr}", "{auth_authen}", "{mail_addr}"),
    milter.RCPT: ("{rcpt_addr}",),
}
_ACTIONS: Final = (
    milter.MAY_ADD_HEADERS
    | milter.MAY_CHANGE_HEADERS
    | milter.MAY_CHANGE_BODY
    | milter.MAY_DELETE_RECIPIENTS
    | milter.MAY_CHANGE_SENDER
    | milter.MAY_CHOOSE_MACROS
)
_STEPS: Final = (
    milter.NO_CONNECT
    | milter.NO_HELO
    | milter.NO_UNKNOWN
    | milter.UNANSWERED_MAIL
    | milter.UNANSWERED_DATA
    | milter.UNANSWERED_HEADER
    | milter.UNANSWERED_END_OF_HEADER
    | milter.UNANSWERED_BODY
    | milter.LEADING_SPACE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How sessions of one socket speak.

    Attributes:
        options: what the filter wants.
        waits_at: the commands after which Postfix waits for an answer. Without RCPT, a refused
            recipient refuses the message at its end.
        fd_name_prefix: of the names of kept connections (FDNAME of systemd). Count up if the
            options or the macros change: the next process cannot negotiate again.
        is_direct: the client delivers messages over HTTPS by itself, if they need no change. The
            recipient must exist, because no queue manager asks. The client sends a message
            that needs a change through Postfix, and it is counted there.
    """

    options: milter.Options
    waits_at: frozenset[int]
    fd_name_prefix: str
    is_direct: bool = False

    @property
    def answers_recipients(self) -> bool:
        """Whether each recipient has an answer of its own."""
        return milter.RCPT in self.waits_at

    def ingress(self, macros: Mapping[bytes, bytes]) -> Ingress:
        """The ingress of a message, from its macros at MAIL.

        Raises:
            KeyError: there is no such ingress.
        """
        # whoever has the socket for HTTPS must not have mail signed
        return Ingress.HTTPS if self.is_direct else _INGRESSES[macros[b"{daemon_name}"]]

    def comes_again(self, answer: bytes) -> bool:
        """Whether the client sends the message through Postfix after this answer."""
        has_changes = answer != milter.CONTINUE and answer.endswith(milter.CONTINUE)
        return self.is_direct and has_changes


EACH_RECIPIENT: Final = Mode(
    options=milter.Options(version=milter.VERSION, actions=_ACTIONS, steps=_STEPS),
    waits_at=frozenset({milter.RCPT, milter.END_OF_MESSAGE}),
    fd_name_prefix="milter1.",
)
# For clients with a login, and HTTPS. An answer at RCPT would cost a tenth of the time until the
# reply.
WHOLE_MESSAGE: Final = Mode(
    options=milter.Options(
        version=milter.VERSION, actions=_ACTIONS, steps=_STEPS | milter.UNANSWERED_RCPT
    ),
    waits_at=frozenset({milter.END_OF_MESSAGE}),
    fd_name_prefix="whole1.",
)
# For messages over HTTPS that do not go through Postfix; others on this socket are refused.
DIRECT: Final = Mode(
    options=WHOLE_MESSAGE.options,
    waits_at=WHOLE_MESSAGE.waits_at,
    fd_name_prefix="direct1.",
    is_direct=True,
)
