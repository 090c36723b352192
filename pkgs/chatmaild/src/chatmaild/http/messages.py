"""Requests and answers as values."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chatmaild.errors import ProtocolError

if TYPE_CHECKING:
    from chatmaild.http.server import Body


class HttpError(ProtocolError):
    """What came is no HTTP/1.x, or more than is taken; carries the status that says so."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The head of a request, and its body as far as it is wanted.

    Attributes:
        fields: names in lower case, and values, in their order.
    """

    method: str
    path: str
    query: str
    fields: Sequence[tuple[bytes, bytes]]
    body: "Body"

    def values(self, name: str) -> list[str]:
        """All values of a header field, as UTF-8; what is none is kept as surrogates."""
        wanted = name.encode()
        return [
            value.decode(errors="surrogateescape") for key, value in self.fields if key == wanted
        ]

    def value(self, name: str) -> str:
        """The last value of a header field; empty without one."""
        return (self.values(name) or [""])[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer; `content_type` counts only with a body."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Response]]
Refusal = Callable[[int], Response]


def json_response(content: Any, status: int = 200, **headers: str) -> Response:
    """An answer with a JSON document; `allow="POST"` adds a header `Allow: POST`."""
    return Response(
        status=status,
        body=json.dumps(content, ensure_ascii=False).encode(),
        content_type="application/json; charset=utf-8",
        headers={name.replace("_", "-").title(): value for name, value in headers.items()},
    )


def plain_refusal(status: int) -> Response:
    """The words of the standard for a status."""
    return Response(status=status, body=HTTPStatus(status).phrase.encode())
