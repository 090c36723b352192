"""docs/nixpkgs-interfaces.md lists every option of NixOS that we set.

Options of the description are read from evaluated relays, those of the NixOS module from its text.
"""

import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from chatmail_lab.description.evaluate import evaluate
from nixtest.checkout import CHECKOUT
from nixtest.relay import DOMAIN

LINES = (CHECKOUT / "docs/nixpkgs-interfaces.md").read_text().splitlines()
# together, these use every part of the description
RELAYS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "self-signed": {"domain": "_chat.example.org", "web": {"port443": "off"}},
    "files": {
        "tls": {"certificateFile": "/c.pem", "keyFile": "/k.pem"},
        "iroh": {"enable": True, "program": "/iroh-relay"},
        "web": {"enable": False, "port443": "web-only"},
    },
}
# options whose values have the form of systemd's own settings: only their names are listed
SHAPES = {"systemd", "users", "environment"}
MODULES = [CHECKOUT / "modules/chatmail.nix", *(CHECKOUT / "modules/chatmail-nixos").glob("*.nix")]
ROOTS = "services|security|networking|boot|nix|system|environment"
# `services.nginx.defaultListen =`; before braces, the names to their left
SETS = re.compile(rf"(?m)^ +((?:{ROOTS})[.][a-zA-Z0-9.]+)[^ ]* =")


@pytest.fixture(scope="module")
def configs(root: pathlib.Path) -> list[Mapping[str, Any]]:
    """The configuration of each relay."""
    given = {name: {"enable": True, "domain": DOMAIN} | values for name, values in RELAYS.items()}
    return [relay["config"] for relay in evaluate(root, given).values()]


def test_options_of_the_description_are_listed(configs: list[Mapping[str, Any]]) -> None:
    """Every option of every service, for nginx also those of hosts and locations."""
    used = {pair for config in configs for pair in _used(config)}

    assert {pair for pair in used if not _listed(*pair)} == set()


def test_options_of_the_nixos_module_are_listed() -> None:
    """Every option that modules/chatmail.nix and modules/chatmail-nixos assign."""
    text = "\n".join(file.read_text() for file in MODULES)
    paths = {path for path in SETS.findall(text) if not path.startswith("services.chatmail")}

    assert len(paths) > 5
    assert {path for path in paths if not any(path in line for line in LINES)} == set()


def _used(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for shape in SHAPES & config.keys():
        yield from ((shape, name) for name in config[shape])
    for service, options in config["services"].items():
        yield from ((f"services.{service}", option) for option in options)
    hosts = config["services"]["nginx"]["virtualHosts"].values()
    yield from (("services.nginx.virtualHosts", option) for host in hosts for option in host)
    yield from (
        ("services.nginx.virtualHosts", option)
        for host in hosts
        for location in host.get("locations", {}).values()
        for option in location
    )


def _listed(prefix: str, option: str) -> bool:
    word = re.compile(rf"(?<![\w-]){re.escape(option)}(?![\w-])")
    return any(prefix in line and word.search(line) for line in LINES)
