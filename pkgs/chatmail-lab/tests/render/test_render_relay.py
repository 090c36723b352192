"""All renderers together."""

import pytest

from chatmail_lab.errors import LabError
from chatmail_lab.render import render_relay


def test_an_unknown_service_is_refused() -> None:
    """Options about the machine itself have no effect."""
    with pytest.raises(LabError, match=r"services\.exim"):
        render_relay({"services": {"exim": {"enable": True}}})
    paths = [file.path for file in render_relay({"networking": {"firewall": {}}})]

    assert paths == ["/etc/sysusers.d/chatmail.conf"]


def test_a_disabled_daemon_has_no_files() -> None:
    """`enable = false` is enough."""
    files = render_relay({"services": {"unbound": {"enable": False, "settings": {}}}})

    assert not [file for file in files if "unbound" in file.path]
