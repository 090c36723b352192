"""networking.wg-quick as files of wg-quick(8)."""

import pytest

from chatmail_lab.errors import LabError
from chatmail_lab.render.system.wireguard import render

INTERFACE = {
    "address": ["fd11:2::3/128"],
    "listenPort": 51820,
    "privateKeyFile": "/k",
    "postUp": "first\nsecond\n",
    "peers": [
        {
            "publicKey": "AA=",
            "allowedIPs": ["fd11:2::4/128", "fd11:2::5/128"],
            "endpoint": "store1.a.test:51820",
            "persistentKeepalive": 25,
        },
        {"publicKey": "BB=", "allowedIPs": ["fd11:2::6/128"], "endpoint": None},
    ],
}


def test_an_interface_has_a_file_of_its_own() -> None:
    """The private key is in no file of the configuration; null is no line."""
    [file] = render({"interfaces": {"chatmail": INTERFACE}})

    assert (file.path, file.mode) == ("/etc/wireguard/chatmail.conf", 0o600)
    assert file.content.decode().splitlines() == [
        "[Interface]",
        "Address = fd11:2::3/128",
        "ListenPort = 51820",
        "PostUp = wg set chatmail private-key /k",
        "PostUp = first",
        "PostUp = second",
        "",
        "[Peer]",
        "PublicKey = AA=",
        "Endpoint = store1.a.test:51820",
        "PersistentKeepalive = 25",
        "AllowedIPs = fd11:2::4/128,fd11:2::5/128",
        "",
        "[Peer]",
        "PublicKey = BB=",
        "AllowedIPs = fd11:2::6/128",
    ]


@pytest.mark.parametrize(
    ("wg_quick", "message"),
    [
        ({"fwmark": 1}, "fwmark"),
        ({"interfaces": {"x": {"preUp": "true"}}}, r"interfaces\.x\.preUp"),
        ({"interfaces": {"x": {"peers": [{"presharedKey": "s"}]}}}, "presharedKey"),
    ],
)
def test_an_unknown_option_is_refused(wg_quick: dict[str, object], message: str) -> None:
    """NixOS would obey it."""
    with pytest.raises(LabError, match=message):
        render(wg_quick)
