"""A relay as the description gives it."""

import pathlib
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chatmail_lab.render import render_relay

CHECKOUT = pathlib.Path(__file__).resolve().parents[4]
DOMAIN = "chat.example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """One relay as data; `config` is null where an assertion fails."""

    cfg: Mapping[str, Any]
    settings: Mapping[str, Any]
    pages: Mapping[str, Any] | None
    zone: list[Mapping[str, Any]]
    failures: list[str]
    warnings: list[str]
    config: Mapping[str, Any]

    @property
    def postfix(self) -> Mapping[str, Any]:
        """main.cf before it is written."""
        main: Mapping[str, Any] = self.config["services"]["postfix"]["settings"]["main"]
        return main

    @property
    def hosts(self) -> Mapping[str, Any]:
        """nginx' virtual hosts."""
        hosts: Mapping[str, Any] = self.config["services"]["nginx"]["virtualHosts"]
        return hosts

    @property
    def units(self) -> Mapping[str, Any]:
        """systemd services."""
        units: Mapping[str, Any] = self.config["systemd"]["services"]
        return units

    def files(self) -> dict[str, str]:
        """The files of a Debian host by path."""
        return {file.path: file.content.decode() for file in render_relay(self.config)}

    def write(self, directory: pathlib.Path) -> pathlib.Path:
        """Write these files below a directory, which is returned."""
        for path, content in self.files().items():
            target = directory / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
        return directory


# (values of services.chatmail, text of an operator's own file)
Describe = Callable[..., Relay]
# a command of the root
InRoot = Callable[..., subprocess.CompletedProcess[str]]
