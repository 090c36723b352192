"""Reconfiguring restarts the units that a switch of NixOS would restart."""

from pathlib import Path

import pytest

from chatmail_lab.host.changes import READS, changed, digests, needs_restart
from chatmail_lab.image.programs import PACKAGES, digest_below
from chatmail_lab.render.files import text_file
from chatmail_lab.render.systemd import script_paths


@pytest.mark.parametrize(
    ("path", "units"),
    [
        ("/etc/postfix/main.cf", {"postfix"}),
        ("/etc/dovecot/dovecot.conf", {"dovecot"}),
        (
            "/etc/chatmail/settings.json",
            {"chatmail-accounts", "chatmail-filter", "chatmail-forward", "chatmail-transport"},
        ),
        ("/etc/systemd/system/nginx.service", {"nginx"}),
        ("/etc/chatmail/appversions.json", set()),
        (PACKAGES, set(READS)),
    ],
)
def test_a_unit_restarts_when_a_file_that_it_reads_changes(path: str, units: set[str]) -> None:
    """All units run our programs or libraries, so these restart all."""
    assert {unit for unit in READS if needs_restart(unit, {path})} == units


def test_a_unit_restarts_when_its_scripts_change() -> None:
    """Scripts of other units do not matter."""
    assert all(needs_restart("nginx", {path}) for path in script_paths("nginx"))
    assert not any(needs_restart("postfix", {path}) for path in script_paths("nginx"))


def test_an_unlisted_unit_restarts_for_every_file() -> None:
    """Such as a unit of the operator's own."""
    assert needs_restart("opendkim", {"/etc/anything"})
    assert not needs_restart("opendkim", set())


def test_digests_show_what_is_new_gone_and_different(tmp_path: Path) -> None:
    """Content and mode count; a rebuilt program of the same content is unchanged."""
    program = tmp_path / "usr/bin/program"
    program.parent.mkdir(parents=True)

    def built(content: str) -> str:
        program.write_text(content)
        return digest_below(tmp_path)

    before = digests(
        [text_file("/same", "1"), text_file("/content", "1"), text_file("/gone", "1")], built("1")
    )
    after = digests(
        [text_file("/same", "1"), text_file("/content", "2"), text_file("/new", "1")], built("1")
    )
    assert changed(before, after) == {"/content", "/gone", "/new"}

    files = [
        text_file("/same", "1", mode=0o600),
        text_file("/content", "2"),
        text_file("/new", "1"),
    ]
    assert changed(after, digests(files, built("2"))) == {"/same", PACKAGES}
