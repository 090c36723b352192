"""What the filter negotiates with Postfix: one mode for each of its two sockets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chatmaild.wire import milter

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
    """

    options: milter.Options
    waits_at: frozenset[int]
    fd_name_prefix: str

    @property
    def answers_recipients(self) -> bool:
        """Whether each recipient has an answer of its own."""
        return milter.RCPT in self.waits_at


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
