"""Fixtures: evaluated relays, and the lab's Debian image with the daemons that read their files."""

import pathlib
from collections.abc import Mapping
from typing import Any

import pytest
from chatmail_lab.description.evaluate import evaluate
from chatmail_lab.image.chroot import run_in_image
from chatmail_lab.image.debian import ensure_image
from chatmail_lab.progress import Progress
from nixtest.relay import DOMAIN, Describe, InRoot, Relay


@pytest.fixture(scope="session")
def root() -> pathlib.Path:
    """The Debian image of the lab: Nix, Postfix, Dovecot, nginx, unbound, systemd."""
    return ensure_image(Progress())


@pytest.fixture(scope="session")
def in_root(root: pathlib.Path) -> InRoot:
    """A function that runs a program of the image; convert paths by `path_in_image`."""
    return lambda *command: run_in_image(root, ["env", "PATH=/usr/sbin:/usr/bin", *command])


@pytest.fixture
def describe(root: pathlib.Path, tmp_path: pathlib.Path) -> Describe:
    """A relay with values of services.chatmail, and optionally an operator's own Nix module."""

    def describe(
        values: Mapping[str, Any] | None = None,
        operator: str | None = None,
        programs: Mapping[str, str] | None = None,
    ) -> Relay:
        given = {"enable": True, "domain": DOMAIN} | dict(values or {})
        config = None
        if operator is not None:
            config = tmp_path / "operator.nix"
            config.write_text(operator)
        return Relay(
            **evaluate(root, {"relay": given}, config=config, programs=programs or {})["relay"]
        )

    return describe


@pytest.fixture(scope="session")
def default(root: pathlib.Path) -> Relay:
    """A relay with a domain and default options."""
    given = {"enable": True, "domain": DOMAIN}
    return Relay(**evaluate(root, {"relay": given})["relay"])
