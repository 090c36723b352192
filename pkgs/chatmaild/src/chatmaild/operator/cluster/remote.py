"""Ask the other machines of a cluster, from a command of the operator on a front."""

import http.client
import json
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote

from chatmaild.address import Address
from chatmaild.errors import ChatmaildError
from chatmaild.settings import Settings

T = TypeVar("T")

# a list of a million addresses takes seconds
COMMAND_S: Final = 120.0
ANSWER_S: Final = 10.0
# in the tunnel; the second SYN is sent after a second
CONNECT_S: Final = 3.0
COMMAND_PATH: Final = "/command"
# the commands of others wait meanwhile
_AT_ONCE: Final = 32


class UnreachableError(ChatmaildError):
    """A store cannot be reached: it has not begun what it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command on a store printed, and its exit code."""

    code: int
    out: str
    err: str


def run(
    settings: Settings,
    store: str,
    arguments: Sequence[str],
    stdin: str = "",
    *,
    within_s: float = COMMAND_S,
) -> Done:
    """Run `chatmail ARGUMENTS` on a store.

    Raises:
        UnreachableError: it cannot be reached, so it did nothing.
        ChatmaildError: it does not answer, or refuses the command.
    """
    body = json.dumps({"arguments": list(arguments), "stdin": stdin})
    connection = http.client.HTTPConnection(
        settings.cluster.stores[store].address, settings.ports.accounts, timeout=CONNECT_S
    )
    whom = f"the store {store}"
    answer = _ask(connection, "POST", COMMAND_PATH, body, whom, within_s)
    try:
        return Done(code=int(answer["code"]), out=str(answer["out"]), err=str(answer["err"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ChatmaildError(f"{whom} answers something else; is it the same version?") from error


def run_on_all(settings: Settings, arguments: Sequence[str]) -> dict[str, Done]:
    """Run a command on all stores at once; one that does not answer fails, and the others go on."""

    def one(store: str) -> Done:
        try:
            return run(settings, store, arguments)
        except ChatmaildError as error:
            return Done(code=1, out="", err=f"error: {error}\n")

    return each(settings.cluster.stores, one)


def each(names: Iterable[str], ask: Callable[[str], T]) -> dict[str, T]:
    """Ask machines at once; return the answers in the order of their names."""
    ordered = sorted(names)
    if not ordered:
        return {}
    with ThreadPoolExecutor(min(len(ordered), _AT_ONCE)) as threads:
        return dict(zip(ordered, threads.map(ask, ordered), strict=True))


def store_of(settings: Settings, address: Address) -> str | None:
    """Return the name of the store that has an address; None if none has it.

    Raises:
        ChatmaildError: chatmail-directory does not answer, or a store that may have it does not.
    """
    connection = _UnixConnection(settings.sockets.directory)
    target = f"/address?address={quote(str(address), safe='')}"
    answer = _ask(connection, "GET", target, "", "the directory of stores", ANSWER_S)
    return str(answer["store"]) if answer.get("state") == "here" else None


def is_alive(settings: Settings, store: str) -> bool:
    """Whether the service of a store answers."""
    connection = http.client.HTTPConnection(
        settings.cluster.stores[store].address, settings.ports.accounts, timeout=CONNECT_S
    )
    try:
        _ask(connection, "GET", "/alive", "", store, CONNECT_S)
    except ChatmaildError:
        return False
    return True


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    body: str,
    whom: str,
    within_s: float,
) -> Mapping[str, Any]:
    try:
        connection.connect()
    except OSError as error:
        connection.close()
        raise UnreachableError(f"{whom} does not answer: {error.strerror or error}") from error
    try:
        connection.sock.settimeout(within_s)
        connection.request(method, target, body.encode())
        response = connection.getresponse()
        content = response.read()
        if response.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
            raise ChatmaildError(f"{whom} does not know now: a store does not answer")
        if response.status != http.HTTPStatus.OK:
            raise ChatmaildError(f"{whom} answers {response.status}; is it the same version?")
        found = json.loads(content)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, ChatmaildError):
            raise
        raise ChatmaildError(f"{whom} does not answer: {error}") from error
    finally:
        connection.close()
    return found if isinstance(found, dict) else {}


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ANSWER_S)
        self.sock.connect(self._path)
