"""The check of a machine before a lab starts."""

import os
import shutil

import pytest

from chatmail_lab.errors import LabError
from chatmail_lab.machine.preflight import check_machine


def test_without_root_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to do."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(LabError, match=r"^a lab .* needs root: try again with sudo$"):
        check_machine()


def test_missing_programs_are_named_by_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message is the command that installs them."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: name if name == "apt-get" else None)

    with pytest.raises(LabError, match=r"`apt-get install mmdebstrap systemd-container iproute2 "):
        check_machine()


def test_without_apt_the_message_names_the_flake(monkeypatch: pytest.MonkeyPatch) -> None:
    """On NixOS the flake includes all programs."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with pytest.raises(LabError, match=r"\(mmdebstrap .*`nix run \.#lab`"):
        check_machine()
