"""What came of offering a message to a host over HTTPS, as a value."""

from dataclasses import dataclass

from chatmaild.wire.smtp_reply import Reply, parse_reply

HTTP_TOO_LARGE = 413


@dataclass(frozen=True, slots=True)
class Delivered:
    """The host has the message."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The host spoke SMTP over HTTPS, but did not take this message.

    Attributes:
        reply: its reason; 4yz or 5yz.
    """

    reply: Reply


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A web server in front of the host does not pass bodies of this size."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """The host does not offer this service, or cannot be reached; it does not have the message.

    Attributes:
        why: a few words without names, for the log.
        refused: nobody listens on its port, as while a web server is started anew.
    """

    why: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection ended before the answer: the host may have the message.

    Attributes:
        timed_out: it ended because the answer took too long.
    """

    timed_out: bool


Outcome = Delivered | Answered | TooLarge | Unusable | Broken


def judge(status: int, body: str) -> Outcome:
    """What an HTTP answer means.

    A 2xx counts only with the words of this service in its body: the web server of a classic mail
    host may say 200 to a POST to any path, and the message would be lost.
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
    """The outcome for the log: without the host's text, which can hold an address."""
    match outcome:
        case Delivered():
            return "delivered over HTTPS"
        case Answered(reply):
            return f"not taken over HTTPS, SMTP reply {reply.code}"
        case TooLarge():
            return "too large for HTTPS"
        case Unusable(why):
            return f"no HTTPS delivery ({why})"
        case Broken(timed_out):
            return "no answer over HTTPS" if timed_out else "HTTPS connection broke"
