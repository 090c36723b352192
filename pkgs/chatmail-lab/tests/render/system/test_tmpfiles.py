"""systemd.tmpfiles as tmpfiles.d."""

from chatmail_lab.render.system import tmpfiles


def test_rules_for_directories() -> None:
    """A missing value is a dash (tmpfiles.d(5))."""
    paths = {"/var/lib/x": {"d": {"mode": "0710", "user": "u"}, "Z": {}}}

    assert list(tmpfiles.rules(paths)) == ['Z "/var/lib/x" - - - -', 'd "/var/lib/x" 0710 u - -']
