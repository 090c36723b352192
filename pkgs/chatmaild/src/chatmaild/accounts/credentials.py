"""Random names and passwords, and links that carry them into Delta Chat."""

import secrets
import string
from urllib.parse import quote

from chatmaild.address import Address
from chatmaild.settings import Accounts, Settings

# what every client and every URL passes on unharmed
PUNCTUATION = "!#$%&()*+,-./:;<=>?@[]^_{|}~"
PASSWORD_CHARACTERS = string.ascii_letters + string.digits + PUNCTUATION
EXTRA_PASSWORD_LENGTH = 3


def random_name(limits: Accounts) -> str:
    """A local part of the greatest length allowed, of lower-case letters and digits."""
    simple = string.ascii_lowercase + string.digits
    allowed = [char for char in simple if char in limits.user_name_characters]
    return "".join(secrets.choice(allowed) for _ in range(limits.user_name_max_length))


def random_password(limits: Accounts) -> str:
    """A password three characters longer than the shortest allowed: 78 random bits by default."""
    length = limits.password_min_length + EXTRA_PASSWORD_LENGTH
    return "".join(secrets.choice(PASSWORD_CHARACTERS) for _ in range(length))


def dclogin_url(address: Address, password: str, settings: Settings) -> str:
    """A link that logs in where the certificate is not publicly trusted (`ic=3`)."""
    host = ""
    if settings.mail_domain.startswith("["):
        host = f"&ih={settings.domain}&sh={settings.domain}"
    return f"dclogin:{quote(str(address), safe='@[]')}?p={quote(password, safe='')}&v=1{host}&ic=3"


def invite_link(settings: Settings, token: str = "") -> str:
    """What a QR code of this relay holds: `DCACCOUNT:https://DOMAIN/new`, or with a token."""
    return f"DCACCOUNT:https://{settings.domain}/new{'?' + token if token else ''}"
