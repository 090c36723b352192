"""Accounts in acmetool's store: accounts/SERVER/KEY-ID/privkey (its storage specification).

SERVER is the URL of an ACME server without `https://`, encoded as in a query, with hexadecimal
digits in lower case. KEY-ID is a hash of the public key.
"""

import base64
import hashlib
import re
from typing import Final
from urllib.parse import quote_plus, unquote_plus

ACCOUNTS: Final = ("var", "lib", "acme", "accounts")
KEY: Final = "privkey"

_HTTP: Final = "http:"


def server_name(server: str) -> str:
    """Return the name of the directory for a server."""
    scheme, _, rest = server.partition("://")
    host, _, path = rest.partition("/")
    quoted = quote_plus(f"{host}/{path}" if path else host)
    lowered = re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)
    return f"{_HTTP}{lowered}" if scheme == "http" else lowered


def server_of(name: str) -> str:
    """Return the server that a directory is for."""
    scheme = "http" if name.startswith(_HTTP) else "https"
    rest = unquote_plus(name.removeprefix(_HTTP))
    return f"{scheme}://{rest}" + ("" if "/" in rest else "/")


def key_id(public: bytes) -> str:
    """Return the name of the directory for a key.

    Args:
        public: SubjectPublicKeyInfo of X.509.
    """
    return base64.b32encode(hashlib.sha256(public).digest()).decode().rstrip("=").lower()
