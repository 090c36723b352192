"""services.coturn as turnserver.conf."""

import pytest

from chatmail_lab.errors import LabError
from chatmail_lab.render.coturn import turnserver_conf


def test_turnserver_has_flags_and_values() -> None:
    """A flag that is off is omitted."""
    text = turnserver_conf(
        {"enable": True, "no-cli": True, "no-udp": False, "realm": "a.test", "extraConfig": "x=1"}
    )

    assert text == "no-cli\nrealm=a.test\nx=1\n"
    with pytest.raises(LabError, match="oauth"):
        turnserver_conf({"oauth": True})
