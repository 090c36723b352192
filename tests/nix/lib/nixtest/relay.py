"""A relay, evaluated from the description."""

import pathlib
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chatmail_lab.render import render_relay

DOMAIN = "chat.example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """One relay as data; `config` is null if an assertion fails."""

    cfg: Mapping[str, Any]
    settings: Mapping[str, Any]
    pages: Mapping[str, Any] | None
    zone: list[Mapping[str, Any]]
    failures: list[str]
    warnings: list[str]
    config: Mapping[str, Any]

    @property
    def postfix(self) -> Mapping[str, Any]:
        """The parameters of main.cf."""
        main: Mapping[str, Any] = self.config["services"]["postfix"]["settings"]["main"]
        return main

    @property
    def hosts(self) -> Mapping[str, Any]:
        """The virtual hosts of nginx."""
        hosts: Mapping[str, Any] = self.config["services"]["nginx"]["virtualHosts"]
        return hosts

    @property
    def units(self) -> Mapping[str, Any]:
        """The systemd services."""
        units: Mapping[str, Any] = self.config["systemd"]["services"]
        return units

    def files(self) -> dict[str, str]:
        """Path -> text of every file of a Debian host."""
        return {file.path: file.content.decode() for file in render_relay(self.config)}

    def write(self, directory: pathlib.Path) -> pathlib.Path:
        """Write these files below `directory` and return it."""
        for path, content in self.files().items():
            target = directory / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
        return directory


# (values of services.chatmail, text of an operator's Nix module)
Describe = Callable[..., Relay]
# runs a command in the image
InRoot = Callable[..., subprocess.CompletedProcess[str]]
