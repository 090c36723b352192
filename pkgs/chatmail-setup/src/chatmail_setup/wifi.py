"""The wireless network in the format of iwd (iwd.network(5))."""

import re

from chatmail_setup.setup_file import Wifi

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_ -]+")
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def file_name(wifi: Wifi) -> str:
    """Name of the network's file: the SSID, or `=` and its bytes in hexadecimal."""
    plain = _PLAIN_NAME.fullmatch(wifi.name)
    return f"{wifi.name if plain else '=' + wifi.name.encode().hex()}.psk"


def profile(wifi: Wifi) -> str:
    """Content of the network's file."""
    password = "".join(_ESCAPES.get(character, character) for character in wifi.password)
    if password.startswith(" "):
        password = "\\s" + password[1:]
    return f"[Security]\nPassphrase={password}\n\n[Settings]\nAutoConnect=true\n"
