"""docs/nixpkgs-interfaces.md names every option of NixOS that the module sets.

What the description sets is read from the relays; what only the module sets, from its text.
"""

import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from chatmail_lab.description.evaluate import evaluate
from nixtest.relay import CHECKOUT, DOMAIN

LINES = (CHECKOUT / "docs/nixpkgs-interfaces.md").read_text().splitlines()
# between them, these use every part of the description
RELAYS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "self-signed": {"domain": "_chat.example.org", "web": {"port443": "off"}},
    "files": {
        "tls": {"certificateFile": "/c.pem", "keyFile": "/k.pem"},
        "iroh": {"enable": True, "program": "/iroh-relay"},
        "web": {"enable": False, "port443": "web-only"},
    },
}
# the shape of a systemd unit, of a user and of a file is systemd's, and explained there
SHAPES = {"systemd", "users", "environment"}
MODULES = [CHECKOUT / "modules/chatmail.nix", *(CHECKOUT / "modules/chatmail-nixos").glob("*.nix")]
ROOTS = "services|security|networking|boot|nix|system|environment"
# `services.nginx.defaultListen =`; of what is set in braces, the names before them
SETS = re.compile(rf"(?m)^ +((?:{ROOTS})[.][a-zA-Z0-9.]+)[^ ]* =")


@pytest.fixture(scope="module")
def configs(root: pathlib.Path) -> list[Mapping[str, Any]]:
    """What the relays set, merged."""
    asked = {name: {"enable": True, "domain": DOMAIN} | values for name, values in RELAYS.items()}
    return [relay["config"] for relay in evaluate(root, asked).values()]


def test_options_of_the_description(configs: list[Mapping[str, Any]]) -> None:
    """Each service with each of its options; of nginx those of hosts and locations, too."""
    used = {pair for config in configs for pair in _used(config)}

    assert {pair for pair in used if not _listed(*pair)} == set()


def test_options_of_the_module() -> None:
    """Each path that a file of the NixOS side assigns."""
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
