"""HTTP requests that return the answer: no redirect is followed, no error raised."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from chatmail_testkit.relays.target import Target
from chatmail_testkit.traces.ledger import record, record_answer
from chatmail_testkit.waiting import ANSWER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, headers with lower-case names, and body of an HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def request(
    target: Target,
    method: str,
    domain: str,
    path: str,
    *,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
    client: str = "",
) -> Answer:
    """Returns the answer of the relay's web server on port 443; headers may repeat.

    `client` is the local IP address to connect from.
    """
    connection = http.client.HTTPSConnection(
        target.host(domain),
        timeout=ANSWER_S,
        context=target.tls(),
        source_address=(client, 0),
    )
    if client:
        record("IP address", client)
    record("invite", urlsplit(path).query)
    try:
        connection.putrequest(method, path)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        content = answer.read()
        record_answer(content)
        return Answer(status=answer.status, headers=named, body=content)
    finally:
        connection.close()
