"""Serve /mxdeliv: take the messages that peers POST, and let Postfix decide.

nginx ends TLS, buffers slow uploads and forwards whole requests. Peers are not trusted: their
messages are checked as on port 25.

* 200 `250 …`: Dovecot has it (`direct`), or Postfix accepted it. For recipients that do not exist,
  Postfix returns a report: one HTTP answer is for all recipients, and the others must get the
  message.
* 400 with a 5yz reply: refused permanently. 413 if it is too large.
* 503 with a 4yz reply: refused temporarily. Peers keep the message and try SMTP after any failure,
  but some take every 4xx as permanent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import Final

from chatmaild.address import domain_of
from chatmaild.flow.last_seen import LastSeen
from chatmaild.metrics import Counters
from chatmaild.transport.envelope import Envelope, clean
from chatmaild.transport.inbound.direct import Direct
from chatmaild.transport.inbound.duplicates import Duplicates, Fingerprint
from chatmaild.transport.inbound.injection import Injection
from chatmaild.transport.inbound.smtp_client import IpAddress, Refused, SmtpSessions
from chatmaild.wire import serve
from chatmaild.wire.http1 import (
    READ_S,
    Body,
    BodyEndsEarlyError,
    Head,
    HttpError,
    Response,
    plain_response,
    read_head,
)
from chatmaild.wire.smtp.reply import BUSY, LOCAL_ERROR, TOO_LARGE, Reply

# 1000 recipients of 64 bytes each, and their field names
MAX_HEAD_BYTES: Final = 131072
# smtpd processes of Postfix that this service uses at a time; further requests wait
MAX_AT_ONCE: Final = 50
WAIT_S: Final = 30.0

NO_RECIPIENT: Final = Reply(code=554, text="5.5.1 No recipient: X-MAIL-TO is missing")
BAD_ADDRESS: Final = Reply(code=501, text="5.1.7 X-MAIL-FROM or X-MAIL-TO is no address")
UNKNOWN: Final = Reply(code=550, text="5.1.1 Recipient address rejected: User unknown")
TOO_MANY: Final = Reply(code=552, text="5.5.3 Too many recipients")


class Mxdeliv:
    """The service behind `/mxdeliv`.

    Args:
        smtp_sessions: sessions with Postfix' smtpd for these messages.
        max_message_bytes: a larger body is refused before it is read.
        max_recipients: more are refused.
        any_exists: whether at least one of some addresses is one of this relay.
        counters: for each reply code.
        last_seen: records when another relay offered a message; None records nothing.
        direct: delivers small messages without Postfix; None for none.
    """

    def __init__(
        self,
        *,
        smtp_sessions: SmtpSessions,
        max_message_bytes: int,
        max_recipients: int,
        any_exists: Callable[[Sequence[str]], Awaitable[bool]],
        counters: Counters,
        last_seen: LastSeen | None = None,
        direct: Direct | None = None,
    ) -> None:
        self._direct = direct
        self._smtp_sessions = smtp_sessions
        self._max_message_bytes = max_message_bytes
        self._max_recipients = max_recipients
        self._any_exists = any_exists
        self._counters = counters
        self._last_seen = last_seen
        self._duplicates = Duplicates()
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection, which nginx keeps open between them."""
        keeps = True
        while keeps:
            try:
                async with asyncio.timeout(READ_S):
                    head = await read_head(reader)
                body = Body(reader, head.content_length)
                response = await self._answer(head, body)
                await body.discard()
                keeps = head.keep_alive and not body.left_bytes
            except HttpError as error:
                response = plain_response(error.status)
                keeps = False
            writer.write(response.encode(keep_alive=keeps))
            await writer.drain()

    async def _answer(self, head: Head, body: Body) -> Response:
        if head.method != "POST":
            return plain_response(405, allow="POST")
        if self._last_seen is not None:
            # nginx replaces the one of the peer
            self._last_seen.note(next(iter(head.values("x-real-ip")), ""))
        try:
            reply = await self._take(head, body)
        except Refused as refused:
            reply = refused.reply
        except BodyEndsEarlyError:
            reply = LOCAL_ERROR  # nobody reads it
        except Exception as error:  # a fault of ours delays the message, it does not lose it
            serve.log_error("taking a message", error)
            reply = LOCAL_ERROR
        self._counters.add("https_in", code=str(reply.code))
        return _answer_of(reply)

    async def _take(self, head: Head, body: Body) -> Reply:
        envelope = envelope_of(head)
        if isinstance(envelope, Reply):
            return envelope
        if len(envelope.recipients) > self._max_recipients:
            return TOO_MANY
        if head.content_length > self._max_message_bytes:
            return TOO_LARGE
        try:
            # the timer costs more than a slot that is free
            async with asyncio.timeout(WAIT_S if self._slots.locked() else None):
                await self._slots.acquire()
        except TimeoutError:
            return BUSY
        try:
            client = client_of(head, envelope)
            if client is None and self._direct and self._direct.takes(envelope, body.left_bytes):
                return await self._deliver(self._direct, envelope, body)
            return await self._inject(envelope, client, body)
        finally:
            self._slots.release()

    async def _deliver(self, direct: Direct, envelope: Envelope, body: Body) -> Reply:
        content = b"".join([piece async for piece in body.pieces()])
        fingerprint = Fingerprint(envelope)
        fingerprint.feed(content)

        async def take() -> Reply:
            reply = await direct.deliver(envelope, content)
            if reply is not None and not reply.accepted:
                raise Refused(reply)
            return reply or await self._inject_whole(envelope, content)

        return await self._duplicates.once(fingerprint.digest(), take)

    async def _inject_whole(self, envelope: Envelope, content: bytes) -> Reply:
        await self._check_existence(envelope)
        async with Injection(self._smtp_sessions, envelope, len(content)) as injection:
            await injection.write(content)
            return await injection.commit()

    async def _check_existence(self, envelope: Envelope) -> None:
        """Raise `Refused` unless a recipient exists."""
        if not await self._any_exists(envelope.recipients):
            raise Refused(UNKNOWN)

    async def _inject(self, envelope: Envelope, client: IpAddress | None, body: Body) -> Reply:
        await self._check_existence(envelope)
        fingerprint = Fingerprint(envelope, client)
        size_bytes = body.left_bytes
        async with Injection(self._smtp_sessions, envelope, size_bytes, client) as injection:
            async for piece in body.pieces():
                fingerprint.feed(piece)
                await injection.write(piece)
            return await self._duplicates.once(fingerprint.digest(), injection.commit)


def envelope_of(head: Head) -> Envelope | Reply:
    """Return the envelope in the header of a request, or the refusal."""
    senders = head.values("x-mail-from")
    sender = senders[0].strip("<> ") if senders else ""
    recipients = tuple(value.strip("<> ") for value in head.values("x-mail-to"))
    if not recipients:
        return NO_RECIPIENT
    well_formed = all(clean(address) and domain_of(address) for address in recipients)
    if len(senders) > 1 or not well_formed or not (sender == "" or domain_of(sender)):
        return BAD_ADDRESS
    if not clean(sender) or any(c in address for address in (sender, *recipients) for c in "<>"):
        return BAD_ADDRESS
    return Envelope(sender=sender, recipients=recipients)


def client_of(head: Head, envelope: Envelope) -> IpAddress | None:
    """Return the client's IP address where the filter needs it as proof of the origin, else None.

    The filter needs it for mail from address literals, and for reports, whose envelope has no
    sender.
    """
    if envelope.sender and not domain_of(envelope.sender).startswith("["):
        return None
    seen = set(head.values("x-real-ip"))  # nginx replaces the one of the peer
    try:
        return ip_address(seen.pop()) if len(seen) == 1 else None
    except ValueError:
        return None


def _answer_of(reply: Reply) -> Response:
    if reply.accepted:
        status = 200
    elif reply.code == TOO_LARGE.code and reply.text.startswith(("5.3.4", "5.2.3")):
        status = 413
    else:
        status = 400 if reply.permanent else 503
    return Response(status=status, body=str(reply).encode(errors="replace"))
