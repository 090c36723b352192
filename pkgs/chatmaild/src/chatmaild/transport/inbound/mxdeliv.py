"""HTTP in, SMTP out: takes the messages that peers POST, and lets Postfix decide.

nginx stands in front: it ends TLS, takes slow uploads and forwards whole requests, one for each
connection. The peer gets no trust: who it is does not matter, what it brings is checked as on
port 25.

* 200 `250 …`: Postfix has it. If some of several recipients do not exist, it returns their copy to
  the sender: an HTTP answer is for all of them, and the others must get the message.
* 400 with a 5yz reply: refused for good. 413 if it is too large.
* 503 with a 4yz reply: not now. Peers take any failure as a reason to try SMTP and to keep the
  message, except that some take every 4xx for final.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

from chatmaild.address import domain_of
from chatmaild.metrics import Counters
from chatmaild.transport.envelope import Envelope, clean
from chatmaild.transport.inbound.duplicates import Duplicates, Fingerprint
from chatmaild.transport.inbound.http_request import (
    READ_S,
    Body,
    BodyEndsEarlyError,
    Head,
    HttpError,
    Response,
    read_head,
    respond,
)
from chatmaild.transport.inbound.injection import Injection
from chatmaild.transport.inbound.smtp_client import IpAddress, Refused, Smtpds
from chatmaild.wire import serve
from chatmaild.wire.smtp_reply import BUSY, LOCAL_ERROR, TOO_LARGE, Reply

# smtpd processes of Postfix that work for us at a time; the rest waits in nginx
MAX_AT_ONCE = 50
WAIT_S = 30.0

NO_RECIPIENT = Reply(code=554, text="5.5.1 No recipient: X-MAIL-TO is missing")
BAD_ADDRESS = Reply(code=501, text="5.1.7 X-MAIL-FROM or X-MAIL-TO is no address")
UNKNOWN = Reply(code=550, text="5.1.1 Recipient address rejected: User unknown")
TOO_MANY = Reply(code=552, text="5.5.3 Too many recipients")


class Mxdeliv:
    """The service behind `/mxdeliv`.

    Args:
        smtpds: sessions with Postfix' smtpd for these messages.
        max_message_bytes: a larger body is refused before it is read.
        max_recipients: more are refused.
        any_exists: whether at least one of some addresses is one of this relay.
        counters: for each reply code.
    """

    def __init__(
        self,
        *,
        smtpds: Smtpds,
        max_message_bytes: int,
        max_recipients: int,
        any_exists: Callable[[Sequence[str]], Awaitable[bool]],
        counters: Counters,
    ) -> None:
        self._smtpds = smtpds
        self._max_message_bytes = max_message_bytes
        self._max_recipients = max_recipients
        self._any_exists = any_exists
        self._counters = counters
        self._duplicates = Duplicates()
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            async with asyncio.timeout(READ_S):
                head = await read_head(reader)
            body = Body(reader, head.content_length)
            response = await self._answer(head, body)
            await body.discard()
        except HttpError as error:
            response = Response(status=error.status, body=str(error))
        respond(writer, response)
        await writer.drain()

    async def _answer(self, head: Head, body: Body) -> Response:
        if head.method == "GET" and head.path == "/metrics":
            return Response(status=200, body=self._counters.text())
        if head.method != "POST":
            return Response(status=405, body="Method Not Allowed", allow="POST")
        try:
            reply = await self._take(head, body)
        except Refused as refused:
            reply = refused.reply
        except BodyEndsEarlyError:
            reply = LOCAL_ERROR  # which nobody reads any more
        except Exception as error:  # a fault of ours must cost the message nothing but time
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
            async with asyncio.timeout(WAIT_S):
                await self._slots.acquire()
        except TimeoutError:
            return BUSY
        try:
            if not await self._any_exists(envelope.recipients):
                return UNKNOWN
            return await self._inject(envelope, client_of(head, envelope), body)
        finally:
            self._slots.release()

    async def _inject(self, envelope: Envelope, client: IpAddress | None, body: Body) -> Reply:
        fingerprint = Fingerprint(envelope, client)
        size_bytes = body.left_bytes
        async with Injection(self._smtpds, envelope, size_bytes, client) as injection:
            async for piece in body.pieces():
                fingerprint.feed(piece)
                await injection.write(piece)
            return await self._duplicates.once(fingerprint.digest(), injection.commit)


def envelope_of(head: Head) -> Envelope | Reply:
    """The envelope in the header of a request, or the refusal."""
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
    """The IP address that nginx saw, where it may have to prove the origin of the message.

    That is so for mail of domain literals, and for reports, whose envelope does not say where they
    are from.
    """
    if envelope.sender and not domain_of(envelope.sender).startswith("["):
        return None
    seen = set(head.values("x-real-ip"))  # nginx writes it, also over one of the peer
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
    return Response(status=status, body=str(reply))
