"""The lab is reached through the checkout that started this process."""

from __future__ import annotations

import pytest

from chatmail_testkit.relays.lab import LabTarget


def test_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """`scripts/lab` of CHATMAIL_CHECKOUT."""
    monkeypatch.setenv("CHATMAIL_CHECKOUT", "/checkout")
    target = LabTarget(name="mine", relays=["a.test"])

    argv = target.machine("a.test").argv(("true",))

    assert argv == ["/checkout/scripts/lab", "--name", "mine", "exec", "a.test", "true"]


def test_domain_literals() -> None:
    """Are reached at their IP address."""
    assert LabTarget(name="mine", relays=[]).host("[192.0.2.1]") == "192.0.2.1"
