"""How this machine orders its certificate, and where lego keeps the account.

    .lego/accounts/HASH/HOST/EMAIL/account.json      e-mail address, URL and state of the account
    .lego/accounts/HASH/HOST/EMAIL/keys/EMAIL.key    its private key

NixOS makes HASH of server, key type and e-mail address; HOST is that of the server.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from chatmaild.settings import Settings

# modules/chatmail-nixos/certificate/acme.nix writes it
FACTS: Final = Path("/etc/chatmail/acme.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """How a machine orders its certificate.

    Attributes:
        server: URL of the server's directory (RFC 8555 section 7.1.1).
        accounts: directory of the accounts, up to HASH.
        user: whose files they are.
        unit: the service that orders.
        lego: path of the program.
    """

    server: str
    email: str
    accounts: Path
    user: str
    unit: str
    lego: str

    @property
    def home(self) -> Path:
        """The directory of the account."""
        # lego's spelling of a host with a port
        host = urlsplit(self.server).netloc.replace(":", "_")
        return self.accounts / host / self.email

    @property
    def key_file(self) -> Path:
        """The private key of the account."""
        return key_file(self.home, self.email)

    @property
    def account_file(self) -> Path:
        """What the server said about the account."""
        return account_file(self.home)


def key_file(home: Path, email: str) -> Path:
    """The private key in the directory of an account."""
    return home / "keys" / f"{email}.key"


def account_file(home: Path) -> Path:
    """What the server said, in the directory of an account."""
    return home / "account.json"


def orders_of(settings: Settings) -> Orders | None:
    """How this machine orders its certificate; None if it does not, or NixOS does not tell.

    Raises:
        OSError: the facts cannot be read.
    """
    if settings.tls.mode != "acme":
        return None
    try:
        facts = json.loads(FACTS.read_bytes())
    except FileNotFoundError:
        return None
    if facts["accounts"] is None:
        return None
    return Orders(**facts | {"accounts": Path(facts["accounts"])})


def registration(file: Path) -> dict[str, Any] | None:
    """What the server said about an account whose URL is known; None for any other file."""
    try:
        found = json.loads(file.read_bytes())["registration"]
        return found if isinstance(found["uri"], str) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
