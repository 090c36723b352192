"""Which repository is used."""

import dataclasses
import pathlib

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.backup.target import Given, parse, repository
from chatmaild.settings import Settings


@pytest.fixture
def password(tmp_path: pathlib.Path) -> pathlib.Path:
    """A password file."""
    file = tmp_path / "password"
    file.write_text("secret\n")
    return file


def test_the_settings_name_it(relay: Settings, password: pathlib.Path) -> None:
    """Options of the command win."""
    named = dataclasses.replace(
        relay,
        backup=dataclasses.replace(
            relay.backup, repository="/mnt/disk", password_file=str(password)
        ),
    )

    assert repository(named, Given()).location == "/mnt/disk"
    assert repository(named, Given()).password_file == password
    assert repository(named, Given(repository="sftp:x:/y")).location == "sftp:x:/y"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "no repository: set services.chatmail.backup.repository"),
        ({"repository": "/mnt"}, "no password: set services.chatmail.backup.passwordFile"),
        ({"repository": "/mnt", "password_file": "missing"}, "missing: No such file"),
        ({"repository": "/mnt", "password_file": "empty"}, "is empty"),
    ],
)
def test_what_is_missing_is_named(
    relay: Settings, tmp_path: pathlib.Path, given: dict[str, str], said: str
) -> None:
    """In one line."""
    (tmp_path / "empty").touch()
    names = {
        key: tmp_path / value if key == "password_file" else value for key, value in given.items()
    }

    with pytest.raises(ChatmaildError, match=said):
        repository(relay, Given(**names))  # type: ignore[arg-type]


def test_a_copy_of_itself_is_refused(relay: Settings, password: pathlib.Path) -> None:
    """It would grow with each backup."""
    inside = f"{relay.directories.state}/copies"

    with pytest.raises(ChatmaildError, match="inside of the relay's own state"):
        repository(relay, Given(repository=inside, password_file=password))


def test_keys_of_the_storage() -> None:
    """As systemd reads them."""
    text = "# S3\nAWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY='b=c'\nQUOTED=\"d\"\nno assignment\n"

    assert parse(text) == {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b=c",
        "QUOTED": "d",
    }
