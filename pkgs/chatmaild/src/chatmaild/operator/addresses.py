"""`chatmail address`: list, create, disable and delete addresses."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from chatmaild.accounts import lifecycle
from chatmaild.accounts.credentials import random_name, random_password
from chatmaild.address import Address, limit_problem, parse_address
from chatmaild.errors import ChatmaildError
from chatmaild.operator.cluster.place import check_is_placed_here, is_placed_here
from chatmaild.operator.privileges import acting_as, audit
from chatmaild.settings import Accounts, Settings
from chatmaild.store.mail import scan
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.passwords import hash_password
from chatmaild.store.sessions import end_sessions
from chatmaild.store.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A new address, or a new password."""

    address: Address
    password: str


def show(settings: Settings, address: Address) -> list[str]:
    """Return the lines of `chatmail address show` for an address that exists."""
    mailboxes = Mailboxes.of(settings)
    messages = list(scan(str(mailboxes.path(address))))
    used = sum(message.size_bytes for message in messages)
    tokens = Tokens(mailboxes, settings.push.token_valid_days)
    quota = settings.retention.quota_megabytes
    return [
        f"address          {address}",
        f"last login       {_day(mailboxes, address)}",
        f"state            {'disabled' if mailboxes.is_disabled(address) else 'active'}",
        f"incoming mail    {'any' if mailboxes.accepts_clear_text(address) else 'encrypted'}",
        f"messages         {len(messages)}, {used / 1e6:.1f} MB of {quota} MiB",
        f"devices to wake  {len(tokens.valid(address, now_s=time.time()))}",
    ]


def set_disabled(settings: Settings, address: Address, *, disabled: bool) -> None:
    """Disable or enable an address. Its sessions stay open: it may read its mail.

    Raises:
        FileNotFoundError: it does not exist.
    """
    with acting_as(settings.users.mail):
        Mailboxes.of(settings).set_disabled(address, disabled)
    audit("address %s", "disabled" if disabled else "enabled")


def delete(settings: Settings, address: Address, *, keep_name: bool = True) -> None:
    """Delete an address with all its mail, and end its sessions.

    Args:
        keep_name: whether nobody else gets the address for a while.

    Raises:
        ChatmaildError: it does not exist.
    """
    with acting_as(settings.users.mail):
        deleted = lifecycle.delete(settings, address, keep_name=keep_name)
    if not deleted:
        raise ChatmaildError(_absent(settings))
    audit("address deleted")


def create(settings: Settings, text: str | None, password: str | None) -> Credentials:
    """Create an address, also while registration is closed; name and password default to random.

    Raises:
        ChatmaildError: it exists, its place is another store, or it breaks a limit on names or
            passwords.
    """
    address = _qualified(settings, _random_local(settings) if text is None else text)
    password = random_password(settings.accounts) if password is None else password
    if problem := limit_problem(address.local, password, settings.accounts):
        raise ChatmaildError(_explained(problem, settings.accounts))
    check_is_placed_here(settings, address)
    with acting_as(settings.users.mail):
        encoded = hash_password(password.encode())
        if not Mailboxes.of(settings).create(address, encoded, now_s=time.time()):
            raise ChatmaildError("the address exists")
    audit("address created")
    return Credentials(address=address, password=password)


def set_password(settings: Settings, address: Address, password: str | None) -> Credentials:
    """Set the password of an address that exists, and end its sessions.

    Raises:
        ChatmaildError: the password is too short.
    """
    password = random_password(settings.accounts) if password is None else password
    if len(password) < settings.accounts.password_min_length:
        raise ChatmaildError(_explained("password-length", settings.accounts))
    with acting_as(settings.users.mail):
        Mailboxes.of(settings).set_password_hash(
            address, hash_password(password.encode()), now_s=time.time()
        )
    end_sessions(settings, address)
    audit("password of an address changed")
    return Credentials(address=address, password=password)


def existing(settings: Settings, text: str) -> Address:
    """Return the account that a text names: an address, or a local part alone.

    Raises:
        ChatmaildError: it belongs to another domain, or does not exist.
    """
    address = _qualified(settings, text)
    if not Mailboxes.of(settings).exists(address):
        raise ChatmaildError(_absent(settings))
    return address.account


def _absent(settings: Settings) -> str:
    text = "there is no such address"
    if settings.cluster.role != "store":
        return text
    return f"{text} on this store; a front asks all of them: {', '.join(settings.cluster.fronts)}"


def _random_local(settings: Settings) -> str:
    """Invent a name that a front finds here."""
    while True:
        local = random_name(settings.accounts)
        if is_placed_here(settings, f"{local}@{settings.mail_domain}"):
            return local


def _explained(problem: str, limits: Accounts) -> str:
    """Return what a name or password must be like."""
    shortest, longest = limits.user_name_min_length, limits.user_name_max_length
    span = str(longest) if shortest == longest else f"{shortest} to {longest}"
    return {
        "name-length": f"a name before the @ has {span} characters",
        "name-characters": f"a name before the @ is made of {limits.user_name_characters}",
        "password-length": f"a password has at least {limits.password_min_length} characters",
    }[problem]


def _qualified(settings: Settings, text: str) -> Address:
    """Parse an address; a local part alone gets the domain of this relay."""
    address = parse_address(text if "@" in text else f"{text}@{settings.mail_domain}")
    if address.domain != settings.mail_domain:
        raise ChatmaildError(f"addresses of this relay end with @{settings.mail_domain}")
    return address


def _day(mailboxes: Mailboxes, address: Address) -> str:
    last_login_s = mailboxes.last_login_s(address) or 0
    return datetime.fromtimestamp(last_login_s, UTC).strftime("%Y-%m-%d")
