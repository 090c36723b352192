"""A synchronous SMTP client on aiosmtplib: replies are values, so that tests can compare them."""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Mapping
from typing import Self

import aiosmtplib

from chatmail_testkit.mail.loop import wait
from chatmail_testkit.mail.reply import OK, Reply
from chatmail_testkit.traces.ledger import record, record_login
from chatmail_testkit.waiting import ANSWER_S

HELLO = "laptop.example"  # the clients' name in EHLO; recipients must never see it
GO_ON = 354
_DOT = re.compile(rb"(?m)^\.")  # RFC 5321 section 4.5.2


class Smtp:
    """A session with a server.

    A lost connection raises `aiosmtplib.SMTPServerDisconnected`, which is an `OSError`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        name: str = HELLO,
        source: str = "",
        timeout_s: float = ANSWER_S,
    ) -> None:
        """Connects, with TLS from the first byte if there is a context, and reads the greeting.

        `source` is the local IP address to connect from.

        Raises:
            aiosmtplib.SMTPConnectResponseError: the greeting is a refusal.
            aiosmtplib.SMTPConnectError: there is no connection.
        """
        self._client = aiosmtplib.SMTP(
            hostname=host,
            port=port,
            use_tls=tls is not None,
            start_tls=False,
            tls_context=tls,
            local_hostname=name,
            source_address=(source, 0) if source else None,
            timeout=timeout_s,
        )
        self._name = name
        wait(self._client.connect())
        record("IP address", self.local_address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.quit()

    def command(self, line: str) -> Reply:
        """Sends a line in UTF-8 and returns the reply.

        Raises:
            ValueError: the line has a control character; `exchange` sends it.
        """
        return _reply(wait(self._client.execute_command(line.encode())))

    def noop(self) -> Reply:
        """Asks whether the server is still there."""
        return self.command("NOOP")

    def ehlo(self, name: str = "") -> Reply:
        """Introduces the client, by default with the name that it has already used."""
        line = f"EHLO {name or self._name}".encode()
        response = wait(self._client.execute_command(line))
        if response.code == OK:
            self._client.last_ehlo_response = response
        return _reply(response)

    def starttls(self, context: ssl.SSLContext) -> Reply:
        """Begins TLS and sends EHLO again (RFC 3207 section 4.2).

        Raises:
            ssl.SSLError: the handshake failed.
        """
        reply = _reply(wait(self._client.starttls(tls_context=context)))
        self.ehlo()
        return reply

    def login(self, address: str, password: str) -> Reply:
        """Authenticates with the methods that the server announces, until one succeeds.

        Raises:
            aiosmtplib.SMTPAuthenticationError: address or password are refused.
        """
        record_login(address, password)
        return _reply(wait(self._client.login(address, password)))

    def data(self, message: bytes) -> Reply:
        """Sends DATA and a message, dot-stuffed, and returns the last reply.

        aiosmtplib's own method would replace each bare CR and LF.
        """
        reply = self.command("DATA")
        if reply.code != GO_ON:
            return reply
        end = b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n"
        return self.exchange(_DOT.sub(b"..", message) + end)

    def send(self, data: bytes) -> None:
        """Sends bytes as they are; a reply that arrives before `exchange` is lost."""
        wait(self._send(data))

    def exchange(self, data: bytes) -> Reply:
        """Sends bytes as they are and returns the next reply."""
        return _reply(wait(self._exchange(data)))

    @property
    def extensions(self) -> Mapping[str, str]:
        """What the last EHLO reply announces: names in lower case, and their parameters."""
        return self._client.esmtp_extensions

    @property
    def local_address(self) -> str:
        """The client's own IP address."""
        return str(self._client.get_transport_info("sockname")[0])

    @property
    def local_port(self) -> int:
        """The client's own port."""
        return int(self._client.get_transport_info("sockname")[1])

    @property
    def certificate(self) -> bytes:
        """The server's certificate, DER."""
        tls = self._client.get_transport_info("ssl_object")
        assert isinstance(tls, ssl.SSLObject)
        return tls.getpeercert(binary_form=True) or b""

    def quit(self) -> None:
        """Ends the session with QUIT if the server is still there."""
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            wait(self._client.quit())
        self.close()

    def close(self) -> None:
        """Closes the connection without QUIT."""
        wait(self._close())

    async def _send(self, data: bytes) -> None:
        if self._client.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("not connected")
        self._client.protocol.write(data)

    async def _exchange(self, data: bytes) -> aiosmtplib.SMTPResponse:
        if self._client.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("not connected")
        self._client.protocol.write(data)
        try:
            return await self._client.protocol.read_response(ANSWER_S)
        except OSError:  # a late reply must not answer the next command
            self._client.close()
            raise

    async def _close(self) -> None:
        self._client.close()


def _reply(response: aiosmtplib.SMTPResponse) -> Reply:
    return Reply(response.code, _one_line(response.message))


def _one_line(text: str) -> str:
    return " ".join(text.split())
