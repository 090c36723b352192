"""Errors name what failed and what to do; nothing stays running."""

from pathlib import Path

import pytest
from chatmail_lab import Lab, LabError

BROKEN_UNIT = """
{ lib, ... }:
{
  systemd.services.chatmail-transport.serviceConfig.ExecStart = lib.mkForce "/usr/bin/false";
}
"""


def test_a_failed_unit_is_named_with_its_journal(lab: Lab, tmp_path: Path) -> None:
    """Even while systemd restarts it."""
    config = tmp_path / "broken.nix"
    config.write_text(BROKEN_UNIT)

    with pytest.raises(LabError, match=r"a\.test: chatmail-transport\.service") as raised:
        lab.start(["a.test"], config=config)
    assert "--- chatmail-transport.service\n" in str(raised.value)
    assert not lab.is_up()


def test_a_broken_lab_may_be_kept(lab: Lab, tmp_path: Path) -> None:
    """A reconfiguration repairs it while it runs."""
    config = tmp_path / "broken.nix"
    config.write_text(BROKEN_UNIT)

    with pytest.raises(LabError, match="chatmail-transport"):
        lab.start(["a.test"], config=config, keep_broken=True)
    with pytest.raises(LabError, match="chatmail-transport"):
        lab.reconfigure()
    config.write_text("{ }")
    lab.reconfigure()
    assert lab.relay("a.test").is_active("chatmail-transport")


def test_a_lab_that_is_down_says_how_to_start_it(lab: Lab) -> None:
    """The message contains the command."""
    with pytest.raises(LabError, match="is not up; start it with"):
        lab.relay("a.test")


def test_an_unknown_host_is_answered_with_the_known_ones(running: Lab) -> None:
    """The message lists the hosts of the lab."""
    with pytest.raises(LabError, match=r"no host 'b\.test'.* it has dns, client, a\.test, c\.test"):
        running.relay("b.test")
