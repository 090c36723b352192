"""Deliver a message to Dovecot while the peer waits for the answer, without Postfix' queue.

The queue of the peer keeps the message until the answer, and Dovecot answers when the message is on
disk. The filter decides as for Postfix. Whatever is not clear takes the other way, through Postfix:
several recipients, a message that Postfix or the filter changes, a mailbox that does not take it,
and a service that does not answer. That costs time, and loses nothing.

The message arrives twice if Dovecot stops between its delivery and its answer, as with Postfix.
"""

import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from chatmaild.transport.envelope import Envelope
from chatmaild.transport.inbound.filter_client import FilterSession
from chatmaild.transport.inbound.lmtp_client import LmtpSession
from chatmaild.transport.inbound.plain import PlainMessage, plain
from chatmaild.transport.inbound.pool import Pool, T, UnavailableError
from chatmaild.wire.smtp.reply import Reply

# deliveries of Postfix to a destination at a time; the queue takes a larger burst
MAX_AT_ONCE: Final = 20
# larger ones are rare, and a hundred requests at once must not fill the memory
MAX_BYTES: Final = 1 << 16

DELIVERED: Final = Reply(code=250, text="2.0.0 Ok: delivered")

# needs no quotes: Postfix passes it on as it is
_ATOM: Final = r"[0-9A-Za-z_+-]+"
_USUAL: Final = re.compile(rf"(?!-){_ATOM}(?:\.{_ATOM})*@[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)+")


class Direct:
    """The way past Postfix.

    Args:
        filter_path: unix socket of the filter for this service.
        lmtp_path: unix socket of Dovecot's LMTP for this service.
    """

    def __init__(self, filter_path: str, lmtp_path: str) -> None:
        self._filter_path = filter_path
        self._lmtp_path = lmtp_path
        self._filters: Pool[FilterSession] = Pool()
        self._mailboxes: Pool[LmtpSession] = Pool()
        self._running = 0

    def close(self) -> None:
        """Close all idle sessions."""
        self._filters.close()
        self._mailboxes.close()

    def takes(self, envelope: Envelope, size_bytes: int) -> bool:
        """Whether to try this way."""
        return (
            size_bytes <= MAX_BYTES
            and self._running < MAX_AT_ONCE
            and len(envelope.recipients) == 1
            and _is_account(envelope.recipients[0])
            and _is_usual(envelope.recipients[0])
            and _is_usual(envelope.sender)
        )

    async def deliver(self, envelope: Envelope, content: bytes) -> Reply | None:
        """Deliver a message; return the answer, or None if Postfix must take it."""
        message = plain(content)
        if message is None:
            return None
        self._running += 1
        try:
            return await self._deliver(envelope.sender, envelope.recipients[0], message)
        except UnavailableError:
            return None
        finally:
            self._running -= 1

    async def _deliver(self, sender: str, recipient: str, message: PlainMessage) -> Reply | None:
        async with (
            _used(self._mailboxes, LmtpSession.connect, self._lmtp_path) as mailbox,
            _used(self._filters, FilterSession.connect, self._filter_path) as judge,
        ):
            judge.offer(sender, recipient, message.fields, message.body)
            # Dovecot looks up the mailbox while the filter decides
            mailbox.begin(sender, recipient)
            judgement = await judge.judgement()
            if judgement.has_changes:
                # the filter counts the message when it comes through Postfix
                judge.forget()
            is_wanted = judgement.reply is None and not judgement.has_changes
            if await mailbox.is_ready() and is_wanted:
                return DELIVERED if await mailbox.deliver(message.delivered) else None
            await mailbox.reset()
            return judgement.reply


@contextlib.asynccontextmanager
async def _used(
    pool: Pool[T], connect: Callable[[str], Awaitable[T]], path: str
) -> AsyncIterator[T]:
    """Give a session, and put it into the pool again unless an error is raised."""
    session = pool.take() or await connect(path)
    try:
        yield session
    except BaseException:
        session.close()
        raise
    pool.keep(session)


def _is_usual(address: str) -> bool:
    return _USUAL.fullmatch(address) is not None


def _is_account(recipient: str) -> bool:
    return recipient == recipient.lower() and "+" not in recipient
