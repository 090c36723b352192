"""Answer GET /metrics on loopback: counters in the text format of Prometheus.

Every process of this machine may read them: they name nobody. Prometheus reads TCP alone.
"""

from chatmaild.metrics import Counters
from chatmaild.wire.http1 import Request, Response, plain_response
from chatmaild.wire.http_server import Handler


def handler(counters: Counters) -> Handler:
    """Return the handler of the loopback port."""

    async def handle(request: Request) -> Response:
        if (request.head.method, request.head.path) != ("GET", "/metrics"):
            return plain_response(404)
        return Response(body=counters.text().encode())

    return handle
