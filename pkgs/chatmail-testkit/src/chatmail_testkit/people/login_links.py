"""Links that Delta Chat logs in with."""

from __future__ import annotations

from urllib.parse import quote

from chatmail_testkit.people.names import new_name, new_password
from chatmail_testkit.relays.target import Target


def login_link(target: Target, domain: str) -> str:
    """Returns a `dclogin:` link of a new address; certificates are not checked."""
    host = target.host(domain)
    fields = {"p": new_password(), "v": "1", "ic": "3", "sc": "3"}
    fields |= {"ih": host, "ip": "993", "is": "ssl", "sh": host, "sp": "465", "ss": "ssl"}
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in fields.items())
    return f"dclogin:{new_name()}@{domain}?{query}"
