"""Two temporary addresses: one sends, the other receives."""

import asyncio
import contextlib
import secrets
import string
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chatmaild.accounts import lifecycle
from chatmaild.address import Address, parse_address
from chatmaild.errors import ProtocolError
from chatmaild.operator.privileges import acting_as
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.passwords import hash_password
from chatmaild.wire.socketmap import any_found

# as clients create them, so the relay must allow them
NAME_LENGTH = 9
PASSWORD_LENGTH = 22
ANSWER_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An address and its password."""

    address: Address
    password: str


# an address of another server; no server has such a name (RFC 6761 section 6.4)
STRANGER: Final = Person(address=parse_address("stranger@selftest.invalid"), password="")


@contextlib.contextmanager
def two_people(settings: Settings) -> Iterator[tuple[Person, Person]]:
    """Create two addresses, also while registration is closed, and delete them afterwards."""
    mailboxes = Mailboxes.of(settings)
    people = _invent(settings), _invent(settings)
    with contextlib.ExitStack() as at_the_end:
        for person in people:
            at_the_end.callback(_delete, settings, person.address)
            with acting_as(settings.users.mail):
                encoded = hash_password(person.password.encode())
                mailboxes.create(person.address, encoded, now_s=time.time())
        yield people


def is_known(settings: Settings, person: Person) -> bool:
    """Whether the accounts service knows an address.

    Raises:
        OSError: it does not answer.
    """

    async def ask() -> bool:
        async with asyncio.timeout(ANSWER_S):
            return await any_found(settings.sockets.recipients, "recipients", [str(person.address)])

    try:
        return asyncio.run(ask())
    except ProtocolError as error:
        raise OSError("chatmail-accounts gives no answer") from error


def _delete(settings: Settings, address: Address) -> None:
    with acting_as(settings.users.mail):
        lifecycle.delete(settings, address, keep_name=False)


def _invent(settings: Settings) -> Person:
    letters = string.ascii_lowercase + string.digits
    name = "".join(secrets.choice(letters) for _ in range(NAME_LENGTH))
    password = "".join(secrets.choice(letters) for _ in range(PASSWORD_LENGTH))
    return Person(address=parse_address(f"{name}@{settings.mail_domain}"), password=password)
