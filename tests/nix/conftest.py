"""Fixtures: evaluated relays, and the lab's Debian root with the daemons that read their files."""

import pathlib
from collections.abc import Mapping
from typing import Any

import pytest
from chatmail_lab.chamber import run_in_root
from chatmail_lab.evaluate import evaluate
from chatmail_lab.progress import Progress
from chatmail_lab.root import ready_root
from nixtest.relay import DOMAIN, Describe, InRoot, Relay


@pytest.fixture(scope="session")
def root() -> pathlib.Path:
    """The Debian root of the lab: nix, Postfix, Dovecot, nginx, unbound, systemd."""
    return ready_root(Progress())


@pytest.fixture(scope="session")
def in_root(root: pathlib.Path) -> InRoot:
    """Runs a program in the root; `seen` translates paths of this machine."""
    return lambda *command: run_in_root(root, ["env", "PATH=/usr/sbin:/usr/bin", *command])


@pytest.fixture
def describe(root: pathlib.Path, tmp_path: pathlib.Path) -> Describe:
    """A relay with values of services.chatmail, and optionally an operator's own Nix module."""

    def describe(values: Mapping[str, Any] | None = None, operator: str | None = None) -> Relay:
        given = {"enable": True, "domain": DOMAIN} | dict(values or {})
        config = None
        if operator is not None:
            config = tmp_path / "operator.nix"
            config.write_text(operator)
        return Relay(**evaluate(root, {"relay": given}, config=config)["relay"])

    return describe


@pytest.fixture(scope="session")
def default(root: pathlib.Path) -> Relay:
    """A relay with a domain and default options."""
    given = {"enable": True, "domain": DOMAIN}
    return Relay(**evaluate(root, {"relay": given})["relay"])
