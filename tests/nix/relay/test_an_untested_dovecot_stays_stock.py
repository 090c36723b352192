"""With an untested version of Dovecot, the relay loads neither plugin nor interposer, and warns."""

import pathlib

from chatmail_lab.image.programs import dovecot_version
from nixtest.relay import Describe, Relay

UNTESTED = {"dovecotVersion": "2.4.99"}


def test_the_lab_has_a_tested_version(default: Relay, root: pathlib.Path) -> None:
    """Its scenarios run with the plugin and the interposer."""
    written = default.files()["/etc/dovecot/dovecot.conf"]

    assert default.warnings == []
    assert dovecot_version(root).startswith("2.4.")
    assert written.count("instant_idle = yes") == 1
    assert written.count("tell_delivery = yes") == 1
    assert "event_exporter" not in written
    assert "small-sessions.so" in written


def test_another_version_loads_neither(describe: Describe) -> None:
    """A warning names each option without effect, and the version."""
    relay = describe(programs=UNTESTED)
    written = relay.files()["/etc/dovecot/dovecot.conf"]

    assert "instant_idle" not in written
    assert "LD_PRELOAD" not in written
    assert "tell_delivery" not in written
    assert "event_exporter push" in written
    assert [warning.split()[0] for warning in relay.warnings] == [
        "services.chatmail.imap.instantIdle",
        "services.chatmail.imap.smallSessions",
    ]
    assert all("Dovecot 2.4.99" in warning for warning in relay.warnings)


def test_a_disabled_option_has_no_warning(describe: Describe) -> None:
    """Its behaviour is the same in every version."""
    relay = describe({"imap": {"instantIdle": False}}, programs=UNTESTED)

    assert [warning.split()[0] for warning in relay.warnings] == [
        "services.chatmail.imap.smallSessions"
    ]
