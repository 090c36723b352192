"""A running lab restarts what a switch of NixOS would."""

from pathlib import Path

import pytest

from chatmail_lab.changes import READS, changed, concerns, inventory
from chatmail_lab.programs import PACKAGES, digest_below
from chatmail_lab.render.files import text
from chatmail_lab.render.systemd import script_paths


@pytest.mark.parametrize(
    ("path", "units"),
    [
        ("/etc/postfix/main.cf", {"postfix"}),
        ("/etc/dovecot/dovecot.conf", {"dovecot"}),
        (
            "/etc/chatmail/settings.json",
            {"chatmail-accounts", "chatmail-filter", "chatmail-transport"},
        ),
        ("/etc/systemd/system/nginx.service", {"nginx"}),
        ("/etc/chatmail/appversions.json", set()),
        (PACKAGES, set(READS)),
    ],
)
def test_a_unit_is_restarted_for_what_it_reads(path: str, units: set[str]) -> None:
    """Its own file counts, too, and our programs concern everybody."""
    assert {unit for unit in READS if concerns(unit, {path})} == units


def test_a_unit_s_scripts_are_its_own() -> None:
    """They are files beside the unit."""
    assert all(concerns("nginx", {path}) for path in script_paths("nginx"))
    assert not any(concerns("postfix", {path}) for path in script_paths("nginx"))


def test_a_unit_that_nobody_knows_is_restarted_for_everything() -> None:
    """An operator's own, for example."""
    assert concerns("opendkim", {"/etc/anything"})
    assert not concerns("opendkim", set())


def test_an_inventory_tells_what_is_new_gone_and_different(tmp_path: Path) -> None:
    """In content or in mode; a program that is built again from the same source is the same."""
    program = tmp_path / "usr/bin/program"
    program.parent.mkdir(parents=True)

    def built(content: str) -> str:
        program.write_text(content)
        return digest_below(tmp_path)

    before = inventory([text("/same", "1"), text("/content", "1"), text("/gone", "1")], built("1"))
    after = inventory([text("/same", "1"), text("/content", "2"), text("/new", "1")], built("1"))
    assert changed(before, after) == {"/content", "/gone", "/new"}

    files = [text("/same", "1", mode=0o600), text("/content", "2"), text("/new", "1")]
    assert changed(after, inventory(files, built("2"))) == {"/same", PACKAGES}
