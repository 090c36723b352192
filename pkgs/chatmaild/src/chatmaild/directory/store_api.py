"""What a front asks a store, and what the answers mean. `accounts.fronts` is the other side.

Every function raises StoreDownError for a store that gives no answer, or cannot tell now, and
LeavingError for an account that moves to another store, or has just moved.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Never, TypeVar
from urllib.parse import urlencode

from chatmaild.accounts.limits.patience import PATIENCE_S
from chatmaild.accounts.web.language import is_code
from chatmaild.address import Address
from chatmaild.directory.stores import Store
from chatmaild.errors import LeavingError, RegistrationRefused, StoreDownError
from chatmaild.wire.http_client import Answer

T = TypeVar("T")

# an account that moves is out of use for 3 s at most, mostly for 0.1 s
LEAVING_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.02
_JSON: Final = {"Content-Type": "application/json"}
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """What the filter and Postfix need to know about an account that exists.

    Attributes:
        usable: whether mail can be delivered.
        disabled: whether the operator disabled it.
        enforces: whether it takes encrypted mail only.
        nearly_full: whether it may have no room.
    """

    usable: bool
    disabled: bool
    enforces: bool
    nearly_full: bool


class Login(NamedTuple):
    """The result of a login; `reason` is the operator's notice, or why it was refused."""

    accepted: bool
    reason: str


async def account(store: Store, address: Address) -> AccountState | None:
    """Return the state of an account; None if the store does not have it."""
    answer = await store.ask("GET", _target("/address", address))
    content = _content(answer, of=store)
    if content.get("state") not in ("here", "free", "absent"):
        _unclear(store)
    if content["state"] != "here":
        return None
    facts: dict[str, Any] = {name: content.get(name) for name in AccountState.__annotations__}
    # mail for a disabled address is dropped, and clear text is not for all: nothing is guessed
    if not all(isinstance(fact, bool) for fact in facts.values()):
        _unclear(store)
    return AccountState(**facts)


async def has_room(store: Store, address: Address, size: str) -> bool:
    """Return whether a message of so many bytes fits into the mailbox."""
    answer = await store.ask("GET", _target("/room", address, size=size))
    room = _content(answer, of=store).get("room")
    return room if isinstance(room, bool) else _unclear(store)


async def login(
    store: Store, address: Address, password: bytes, ip: str, *, may_create: bool = False
) -> Login | None:
    """Check a password; return None if the store does not have the account.

    Args:
        may_create: whether the store creates the account then.
    """
    body = urlencode({"username": str(address), "password": password})
    answer = await store.ask(
        "POST",
        "/first-login" if may_create else "/login",
        body=body.encode(),
        headers={"Content-Type": _FORM, "X-Client-Address": ip if ip.isascii() else ""},
        answer_s=PATIENCE_S,
    )
    if answer.status == 404 and not may_create:
        return None
    content = _content(answer, of=store)
    result, reason = content.get("result"), content.get("reason", "")
    if result not in ("accepted", "refused") or not isinstance(reason, str):
        _unclear(store)
    return Login(accepted=result == "accepted", reason=reason)


async def new(store: Store, address: Address, password: str, invite: str) -> bool:
    """Keep an address for a first login, or create it for an invite that was redeemed.

    Returns:
        False if the name is not free.

    Raises:
        RegistrationRefused: no address is created now.
    """
    fields = {"address": str(address), "password": password, "invite": invite}
    answer = await _post(store, "/new", fields, repeatable=not invite)
    if answer.status == 409:
        return False
    if answer.status in (403, 503) and (code := _code(answer)):
        raise RegistrationRefused(code)
    _content(answer, of=store)
    return True


async def redeem(store: Store, token: str) -> str | None:
    """Count a use of an invite; return the code of a refusal, or None."""
    answer = await _post(store, "/invite/redeem", {"token": token}, repeatable=False)
    if answer.status == 404:
        return _code(answer) or "invite-unknown"
    _content(answer, of=store)
    return None


async def give_back(store: Store, token: str) -> None:
    """Undo one use of an invite."""
    answer = await _post(store, "/invite/give-back", {"token": token}, repeatable=False)
    if answer.status != 404:
        _content(answer, of=store)


async def delete(store: Store, address: Address, password: bytes, ip: str) -> bool | None:
    """Delete an account; return False for a wrong password, None if the store does not have it."""
    text = password.decode("utf-8", "surrogatepass")
    fields = {"address": str(address), "password": text, "ip": ip}
    answer = await _post(store, "/account/delete", fields)
    if answer.status == 404:
        return None
    if answer.status == 403:
        return False
    _content(answer, of=store)
    return True


async def _post(
    store: Store, path: str, fields: Mapping[str, str], *, repeatable: bool = True
) -> Answer:
    body = json.dumps(fields).encode()
    return await store.ask("POST", path, body=body, headers=_JSON, repeatable=repeatable)


def _target(path: str, address: Address, **fields: str) -> str:
    return f"{path}?{urlencode({'address': str(address), **fields})}"


def _content(answer: Answer, *, of: Store) -> Mapping[str, Any]:
    """Return the document of an answer 200."""
    if answer.status == 503 and _leaves(answer):
        raise LeavingError(f"an account leaves store {of.name}")
    if answer.status != 200:
        _unclear(of)
    try:
        content = json.loads(answer.body)
    except ValueError:
        _unclear(of)
    return content if isinstance(content, dict) else _unclear(of)


def _code(answer: Answer) -> str:
    """Return the code of a refusal; empty if there is none, or none that clients could be told."""
    try:
        code = str(json.loads(answer.body).get("code", ""))
    except (ValueError, AttributeError):
        return ""
    return code if is_code(code) else ""


def _leaves(answer: Answer) -> bool:
    try:
        return json.loads(answer.body).get("leaves") is True
    except (ValueError, AttributeError):
        return False


def _unclear(store: Store) -> Never:
    raise StoreDownError(f"store {store.name} cannot tell now")


async def settled(attempt: Callable[[], Awaitable[T]]) -> T:
    """Return what an attempt returns, repeated while the account leaves a store.

    Raises:
        LeavingError: it still does after 5 s.
    """
    end_s, pause_s = time.monotonic() + LEAVING_S, _FIRST_PAUSE_S
    while True:
        try:
            return await attempt()
        except LeavingError:
            if time.monotonic() + pause_s > end_s:
                raise
        await asyncio.sleep(pause_s)
        pause_s *= 2
