"""Files for iwd."""

import pytest

from chatmail_setup.setup_file import Wifi
from chatmail_setup.wifi import file_name, profile


@pytest.mark.parametrize(
    ("name", "file"),
    [("Home_2-b c", "Home_2-b c.psk"), ("Café", "=436166c3a9.psk"), ("a/b", "=612f62.psk")],
)
def test_names_become_file_names(name: str, file: str) -> None:
    """Only a name that is no file name is encoded."""
    assert file_name(Wifi(name=name, password="12345678")) == file


def test_a_password_with_special_characters() -> None:
    """iwd interprets backslashes and removes a leading space."""
    text = profile(Wifi(name="x", password=" a\\b=c;"))

    assert "Passphrase=\\sa\\\\b=c;\n" in text
