"""Names and passwords as clients invent them, and accounts made of both."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass

from chatmail_testkit.traces.ledger import MARK, record

_LETTERS = string.ascii_lowercase + string.digits


def new_name() -> str:
    """Returns a local part of 9 characters that no other call returns."""
    name = MARK + "".join(secrets.choice(_LETTERS) for _ in range(9 - len(MARK)))
    record("address", name)
    return name


def new_password() -> str:
    """Returns a password of 22 characters."""
    password = f"{MARK}{secrets.token_urlsafe(32)}"[:22]
    record("password", password)
    return password


def automatic_password() -> str:
    """Returns one of 23 letters and digits, as clients mark addresses that they create alone."""
    password = MARK + "".join(secrets.choice(_LETTERS) for _ in range(23 - len(MARK)))
    record("password", password)
    return password


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An address with its password, at a host of the same name as its domain."""

    address: str
    password: str

    @property
    def host(self) -> str:
        """The mail server's name."""
        return self.address.partition("@")[2]


def new_accounts(domain: str, count: int) -> list[Account]:
    """Returns accounts that do not exist yet; the first login of each creates it."""
    return [
        Account(address=f"{new_name()}@{domain}", password=new_password()) for _ in range(count)
    ]
