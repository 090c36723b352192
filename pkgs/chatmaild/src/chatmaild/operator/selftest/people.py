"""Two addresses for the length of a test, as their owners: one writes, the other reads."""

import contextlib
import secrets
import string
import time
from collections.abc import Iterator
from dataclasses import dataclass

from chatmaild.accounts import lifecycle
from chatmaild.address import Address, parse_address
from chatmaild.operator.privileges import acting_as
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.passwords import hash_password

# what clients invent by themselves, and therefore always allowed
NAME_LENGTH = 9
PASSWORD_LENGTH = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An address and its password."""

    address: Address
    password: str


@contextlib.contextmanager
def two_people(settings: Settings) -> Iterator[tuple[Person, Person]]:
    """Make two addresses, also while registration is closed, and delete them afterwards."""
    mailboxes = Mailboxes.of(settings)
    people = _invent(settings), _invent(settings)
    with contextlib.ExitStack() as at_the_end:
        for person in people:
            at_the_end.callback(_delete, settings, person.address)
            with acting_as(settings.users.mail):
                encoded = hash_password(person.password.encode())
                mailboxes.create(person.address, encoded, now_s=time.time())
        yield people


def _delete(settings: Settings, address: Address) -> None:
    with acting_as(settings.users.mail):
        lifecycle.delete(settings, address, keep_name=False)


def _invent(settings: Settings) -> Person:
    letters = string.ascii_lowercase + string.digits
    name = "".join(secrets.choice(letters) for _ in range(NAME_LENGTH))
    password = "".join(secrets.choice(letters) for _ in range(PASSWORD_LENGTH))
    return Person(address=parse_address(f"{name}@{settings.mail_domain}"), password=password)
