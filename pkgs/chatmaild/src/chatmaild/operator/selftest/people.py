"""Two temporary addresses: one sends, the other receives."""

import asyncio
import contextlib
import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chatmaild.address import Address, parse_address
from chatmaild.errors import ProtocolError
from chatmaild.metrics.collecting import read
from chatmaild.operator.selftest.places import Here, Stores, places
from chatmaild.settings import Settings
from chatmaild.wire.socketmap import any_found

# as clients create them, so the relay must allow them
NAME_LENGTH = 9
PASSWORD_LENGTH = 22
ANSWER_S: Final = 3.0
_LETTERS: Final = string.ascii_lowercase + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An address and its password."""

    address: Address
    password: str


# an address of another server; no server has such a name (RFC 6761 section 6.4)
STRANGER: Final = Person(address=parse_address("stranger@selftest.invalid"), password="")


@contextlib.contextmanager
def two_people(settings: Settings) -> Iterator[tuple[Person, Person]]:
    """Create two addresses, also while registration is closed, and delete them afterwards.

    Raises:
        ChatmaildError: they cannot be created.
    """
    where = places(settings)
    people = _invent(settings, where, 0), _invent(settings, where, 1)
    with contextlib.ExitStack() as at_the_end:
        for person in people:
            at_the_end.callback(where.delete, person.address)
            where.create(person.address, person.password)
        yield people


def is_known(settings: Settings, person: Person) -> bool:
    """Whether the accounts service knows an address; on a store, whether it runs.

    Raises:
        OSError: it does not answer.
    """

    async def ask() -> bool:
        async with asyncio.timeout(ANSWER_S):
            if settings.cluster.role == "store":
                # it answers fronts, and no others, about addresses
                return bool(await read(settings.sockets.accounts_metrics))
            return await any_found(settings.sockets.recipients, "recipients", [str(person.address)])

    try:
        return asyncio.run(ask())
    except ProtocolError as error:
        raise OSError(f"{accounts_service(settings)} gives no answer") from error


def accounts_service(settings: Settings) -> str:
    """Return the unit that knows the accounts on this machine."""
    return "chatmail-directory" if settings.cluster.role == "front" else "chatmail-accounts"


def _invent(settings: Settings, where: Here | Stores, number: int) -> Person:
    password = "".join(secrets.choice(_LETTERS) for _ in range(PASSWORD_LENGTH))
    while True:
        name = "".join(secrets.choice(_LETTERS) for _ in range(NAME_LENGTH))
        address = parse_address(f"{name}@{settings.mail_domain}")
        if where.takes(address, number):
            return Person(address=address, password=password)
