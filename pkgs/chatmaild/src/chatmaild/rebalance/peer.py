"""Ask another store, from a thread that waits for the answer; `endpoints` is the other side."""

import http.client
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from chatmaild.errors import RebalanceError, StoreDownError

# a copy may wait for the disk of the other store
ANSWER_S: Final = 30.0
# in a data centre; the second SYN is sent after a second
CONNECT_S: Final = 3.0


class Peer:
    """One connection to a store.

    Args:
        own: the IP address of this store in the tunnel, by which the other one knows it.

    Attributes:
        name: of the store.
    """

    def __init__(self, name: str, address: str, port: int, own: str) -> None:
        self.name = name
        self._connection = http.client.HTTPConnection(address, port, source_address=(own, 0))

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def ask(
        self,
        path: str,
        body: bytes,
        *,
        within_s: float = ANSWER_S,
        repeats: bool = True,
        **query: str,
    ) -> Mapping[str, Any]:
        """Send a request; return the document of its answer.

        Args:
            repeats: whether the store may get the request twice.

        Raises:
            StoreDownError: it gives no answer, or cannot do it now.
            RebalanceError: it refuses; the text says why.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        if repeats and self._connection.sock is not None:
            # the other side may have closed it, as after a restart
            try:
                return self._exchange(target, body, within_s)
            except _LostError:
                pass
        self.close()
        try:
            return self._exchange(target, body, within_s)
        except _LostError as error:
            raise StoreDownError(f"store {self.name} gives no answer") from error

    def tell(self, path: str, content: Mapping[str, Any], **how: Any) -> Mapping[str, Any]:
        """Send a document; as `ask`."""
        return self.ask(path, json.dumps(content).encode(), **how)

    def _exchange(self, target: str, body: bytes, within_s: float) -> Mapping[str, Any]:
        try:
            if self._connection.sock is None:
                self._connection.timeout = min(CONNECT_S, within_s)
                self._connection.connect()
            self._connection.sock.settimeout(within_s)
            self._connection.request("POST", target, body)
            answer = self._connection.getresponse()
            content = answer.read()
            found = json.loads(content) if content else {}
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise _LostError from error
        if answer.status in (http.HTTPStatus.SERVICE_UNAVAILABLE, http.HTTPStatus.NOT_FOUND):
            raise StoreDownError(f"store {self.name} cannot take accounts now")
        if answer.status != http.HTTPStatus.OK or not isinstance(found, dict):
            problem = found.get("problem") if isinstance(found, dict) else None
            raise RebalanceError(f"store {self.name}: {problem or f'status {answer.status}'}")
        return found


class _LostError(Exception):
    """The connection broke before an answer."""
