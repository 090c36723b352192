"""The outcomes of posting a message to a host over HTTPS, as values."""

from dataclasses import dataclass

from chatmaild.wire.smtp.reply import Reply, parse_reply

HTTP_TOO_LARGE = 413


@dataclass(frozen=True, slots=True)
class Delivered:
    """The host accepted the message."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The host answered with an SMTP reply and did not accept the message.

    Attributes:
        reply: 4yz or 5yz.
    """

    reply: Reply


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The web server answered 413: the body is too large."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """The host cannot be reached, or has no such service; it does not have the message.

    Attributes:
        why: a few words for the log, without names.
        refused: the connection was refused, as during a restart of its web server.
    """

    why: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Busy:
    """Too many deliveries wait at the host's IP addresses; the message was not offered."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection ended before an answer: the host may have the message.

    Attributes:
        timed_out: whether it ended by our timeout.
    """

    timed_out: bool


Outcome = Delivered | Answered | TooLarge | Unusable | Busy | Broken


def judge(status: int, body: str) -> Outcome:
    """Return the outcome of an HTTP response.

    A 2xx counts only with an SMTP reply or `OK` in its body: some web servers answer 200 to a POST
    to any path, and the message would be lost.
    """
    text = body.strip()
    if 200 <= status < 300:
        taken = text.startswith("250") or text.upper() == "OK"
        return Delivered() if taken else Unusable(f"HTTP {status} that is no SMTP reply")
    reply = parse_reply(text)
    if reply is not None and not reply.accepted and status >= 400:
        return Answered(reply)
    if status == HTTP_TOO_LARGE:
        return TooLarge()
    return Unusable(f"HTTP {status}")


def in_words(outcome: Outcome) -> str:
    """Return the outcome for the log, without the host's text: it may hold an address."""
    match outcome:
        case Delivered():
            return "delivered over HTTPS"
        case Answered(reply):
            return f"not taken over HTTPS, SMTP reply {reply.code}"
        case TooLarge():
            return "too large for HTTPS"
        case Unusable(why):
            return f"no HTTPS delivery ({why})"
        case Busy():
            return "too many deliveries wait at its IP address"
        case Broken(timed_out):
            return "no answer over HTTPS" if timed_out else "HTTPS connection broke"
