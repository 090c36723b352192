"""The smaller renderers, and all of them together."""

import pytest

from chatmail_lab.errors import LabError
from chatmail_lab.render import render_relay, tmpfiles, users
from chatmail_lab.render.coturn import turnserver_conf
from chatmail_lab.render.etc import etc_file
from chatmail_lab.render.unbound import unbound_conf


def test_users_follow_their_groups() -> None:
    """Memberships come last; a user of Debian's is only added to groups."""
    lines = list(
        users.sysusers(
            {
                "vmail": {"isSystemUser": True, "group": "vmail", "home": "/v"},
                "nginx": {"extraGroups": ["keys"]},
            },
            {"vmail": {}, "keys": {"gid": 7, "members": ["postfix"]}},
        )
    )

    assert lines == [
        "g keys 7",
        "g vmail -",
        'u vmail -:vmail "" /v',
        "m nginx keys",
        "m postfix keys",
    ]


def test_rules_for_directories() -> None:
    """What is not said is a dash (tmpfiles.d(5))."""
    paths = {"/var/lib/x": {"d": {"mode": "0710", "user": "u"}, "Z": {}}}

    assert list(tmpfiles.rules(paths)) == ['Z "/var/lib/x" - - - -', 'd "/var/lib/x" 0710 u - -']


def test_unbound_repeats_keys_and_clauses() -> None:
    """`server:` comes first."""
    text = unbound_conf(
        {
            "forward-zone": [{"name": ".", "forward-addr": ["192.0.2.53", "2001:db8::35"]}],
            "server": {"prefetch": True, "interface": ["::1"], "trust-anchor-file": None},
        }
    )

    assert text.splitlines() == [
        "server:",
        "  interface: ::1",
        "  prefetch: yes",
        "forward-zone:",
        "  forward-addr: 192.0.2.53",
        "  forward-addr: 2001:db8::35",
        "  name: .",
    ]


def test_turnserver_has_flags_and_values() -> None:
    """A flag that is off is not written."""
    text = turnserver_conf(
        {"enable": True, "no-cli": True, "no-udp": False, "realm": "a.test", "extraConfig": "x=1"}
    )

    assert text == "no-cli\nrealm=a.test\nx=1\n"
    with pytest.raises(LabError, match="oauth"):
        turnserver_conf({"oauth": True})


def test_a_file_under_etc_has_its_mode_and_owner() -> None:
    """A symlink on NixOS is a plain file here."""
    entry = etc_file("a/b", {"text": "t", "mode": "0440", "user": "u"})
    plain = etc_file("a", {"text": "t"})

    assert entry is not None
    assert plain is not None
    assert (entry.path, entry.content, entry.mode, entry.user) == ("/etc/a/b", b"t", 0o440, "u")
    assert plain.mode == 0o644
    assert etc_file("a", {"text": "t", "enable": False}) is None


def test_a_service_that_the_lab_does_not_know_is_refused() -> None:
    """And options about the machine around the relay are left alone."""
    with pytest.raises(LabError, match=r"services\.exim"):
        render_relay({"services": {"exim": {"enable": True}}})
    paths = [file.path for file in render_relay({"networking": {"firewall": {}}})]

    assert paths == ["/etc/sysusers.d/chatmail.conf"]


def test_a_daemon_that_is_switched_off_has_no_files() -> None:
    """`enable` decides."""
    files = render_relay({"services": {"unbound": {"enable": False, "settings": {}}}})

    assert not [file for file in files if "unbound" in file.path]
