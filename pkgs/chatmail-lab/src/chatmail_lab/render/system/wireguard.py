"""networking.wg-quick -> files of wg-quick(8), as NixOS writes them; units: nix/daemons.nix."""

from collections.abc import Iterator

from chatmail_lab.render.files import File, text_file
from chatmail_lab.render.values import Attrs, as_list, refuse_unknown

# option -> key, in the order of the file; values of a list are joined by commas
INTERFACE = {"address": "Address", "dns": "DNS", "table": "Table", "mtu": "MTU"}
PEER = {
    "publicKey": "PublicKey",
    "endpoint": "Endpoint",
    "persistentKeepalive": "PersistentKeepalive",
    "allowedIPs": "AllowedIPs",
}
KNOWN = frozenset({*INTERFACE, "autostart", "listenPort", "peers", "postUp", "privateKeyFile"})


def _lines(keys: dict[str, str], values: Attrs) -> Iterator[str]:
    for option, key in keys.items():
        value = ",".join(str(item) for item in as_list(values.get(option)))
        if value:
            yield f"{key} = {value}"


def wg_quick_conf(name: str, interface: Attrs) -> str:
    """Return the file of one interface; wg reads the private key when the interface starts.

    Raises:
        LabError: The lab does not know an option.
    """
    refuse_unknown(f"networking.wg-quick.interfaces.{name}", interface, KNOWN)
    lines = ["[Interface]", *_lines(INTERFACE | {"listenPort": "ListenPort"}, interface)]
    if interface.get("privateKeyFile") is not None:
        lines.append(f"PostUp = wg set {name} private-key {interface['privateKeyFile']}")
    lines += [f"PostUp = {line}" for line in interface.get("postUp", "").splitlines()]
    for peer in interface.get("peers", []):
        refuse_unknown(f"networking.wg-quick.interfaces.{name}.peers", peer, frozenset(PEER))
        lines += ["", "[Peer]", *_lines(PEER, peer)]
    return "\n".join(lines) + "\n"


def path(name: str) -> str:
    """Return the file of an interface."""
    return f"/etc/wireguard/{name}.conf"


def render(wg_quick: Attrs) -> list[File]:
    """Return the file of each interface."""
    refuse_unknown("networking.wg-quick", wg_quick, frozenset({"interfaces"}))
    return [
        text_file(path(name), wg_quick_conf(name, interface), mode=0o600)
        for name, interface in sorted(wg_quick.get("interfaces", {}).items())
    ]
