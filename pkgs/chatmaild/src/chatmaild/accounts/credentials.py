"""Make random names and passwords, and links that bring them into Delta Chat."""

import secrets
import string
from typing import Final
from urllib.parse import quote

from chatmaild.accounts.limits import automatic
from chatmaild.address import Address, parse_address
from chatmaild.settings import Accounts, Settings

# every client and every URL keeps these as they are
PUNCTUATION: Final = "!#$%&()*+,-./:;<=>?@[]^_{|}~"
PASSWORD_CHARACTERS: Final = string.ascii_letters + string.digits + PUNCTUATION
EXTRA_PASSWORD_LENGTH: Final = 3


def random_name(limits: Accounts) -> str:
    """Return a local part of the greatest allowed length, of lower-case letters and digits."""
    simple = string.ascii_lowercase + string.digits
    allowed = [char for char in simple if char in limits.user_name_characters]
    return "".join(secrets.choice(allowed) for _ in range(limits.user_name_max_length))


def random_address(settings: Settings) -> Address:
    """Return an address of this relay with a random name, which may be taken."""
    return parse_address(f"{random_name(settings.accounts)}@{settings.mail_domain}")


def random_password(limits: Accounts) -> str:
    """Return a password 3 characters longer than the shortest allowed: by default 78 bits."""
    length = limits.password_min_length + EXTRA_PASSWORD_LENGTH
    if length == automatic.PASSWORD_LENGTH:
        length += 1  # clients mark addresses by this length that nobody asked for
    return "".join(secrets.choice(PASSWORD_CHARACTERS) for _ in range(length))


def dclogin_url(address: Address, password: str, settings: Settings) -> str:
    """Return a link that logs in where the certificate is not publicly trusted (`ic=3`)."""
    host = ""
    if settings.mail_domain.startswith("["):
        host = f"&ih={settings.domain}&sh={settings.domain}"
    return f"dclogin:{quote(str(address), safe='@[]')}?p={quote(password, safe='')}&v=1{host}&ic=3"


def invite_link(settings: Settings, token: str = "") -> str:
    """Return the text of a QR code: `DCACCOUNT:https://DOMAIN/new`, with a token if given."""
    return f"DCACCOUNT:https://{settings.domain}/new{'?' + token if token else ''}"
