"""Read the requests of fronts."""

import json
from urllib.parse import parse_qsl

from chatmaild.wire.http1 import HttpError, Request


def query(request: Request) -> dict[str, str]:
    """Return the fields of the query; of those that are there twice, the last."""
    return dict(parse_qsl(request.head.query, keep_blank_values=True))


def texts(request: Request, *names: str) -> dict[str, str]:
    """Return fields of a JSON body.

    Raises:
        HttpError: 400, one is missing, or no text.
    """
    try:
        content = json.loads(request.body)
        fields = {name: content[name] for name in names}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise HttpError(400) from None
    if not all(isinstance(text, str) for text in fields.values()):
        raise HttpError(400)
    return fields


def encoded(password: str) -> bytes:
    """Return the bytes of a password."""
    return password.encode("utf-8", "surrogatepass")
