"""What a machine must have before a lab starts."""

import os
import shutil

import pytest

from chatmail_lab.errors import LabError
from chatmail_lab.needs import check_machine


def test_without_root_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(LabError, match=r"^a lab .* needs root: try again with sudo$"):
        check_machine()


def test_missing_programs_are_told_by_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the command that installs them, each once."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: name if name == "apt-get" else None)

    with pytest.raises(LabError, match=r"`apt-get install mmdebstrap systemd-container iproute2 "):
        check_machine()


def test_without_apt_nobody_is_sent_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """On NixOS the flake brings programs along."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with pytest.raises(LabError, match=r"\(mmdebstrap .*`nix run \.#lab`"):
        check_machine()
