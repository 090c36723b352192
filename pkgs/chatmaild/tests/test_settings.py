"""The settings file: good ones are read, each kind of mistake names its key."""

import copy
import json
import pathlib
from typing import Any

import pytest

from chatmaild import cli
from chatmaild.errors import SettingsError
from chatmaild.settings import Settings


def test_the_defaults_of_the_description_are_accepted(settings: Settings) -> None:
    """Keys arrive in snake case with the types of the dataclasses."""
    assert settings.mail.max_message_bytes == 31457280
    assert settings.registration.max_load == 5.0
    assert settings.dkim.published_selectors == ()


def _set(data: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split(".")
    for name in parents:
        data = data[name]
    data[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("ports.smtp", 0, "ports.smtp: must be at least 1, not 0"),
        ("ports.smtp", 65536, "ports.smtp: must be at most 65535, not 65536"),
        ("ports.smtp", "25", "ports.smtp: must be a whole number, not a text"),
        ("ports.smtp", True, "ports.smtp: must be a whole number, not true or false"),
        ("ports.smtp", None, "ports.smtp: must be a whole number, not null"),
        ("mail", [], "mail: must be an object, not a list"),
        ("mail.maxMessageByte", 1, "mail.maxMessageByte: unknown key"),
        ("push.notifierUrl", "http://x", "push.notifierUrl: must be an https:// URL"),
        ("tls.mode", "none", "tls.mode: must be one of acme, files, self-signed"),
        (
            "accounts.passwordMinLength",
            23,
            "accounts.passwordMinLength: must be at most 22, not 23",
        ),
        (
            "registration.automatic",
            "never",
            "registration.automatic: must be one of allow, refuse, or must be a whole number",
        ),
        ("registration.automatic", 0, "registration.automatic: must be one of allow, refuse, or"),
        ("registration.automatic", None, "registration.automatic: must be one of allow, refuse,"),
        ("dkim.publishedSelectors", ["a", 1], "dkim.publishedSelectors[1]: must be a text"),
        ("retention.deleteAfterDays", 21, "retention.deleteAfterDays: must be at most 20, not 21"),
        ("directories.mail", "mail", "directories.mail: must be an absolute path"),
        ("mailDomain", "[1.2.3.4", "mailDomain: must be a host name in lower case or"),
    ],
)
def test_a_bad_value_names_its_key(
    settings_json: dict[str, Any], path: str, value: object, message: str
) -> None:
    """One line in the spelling of the JSON file."""
    _set(settings_json, path, value)

    with pytest.raises(SettingsError) as caught:
        Settings.from_json(settings_json)

    assert str(caught.value).startswith(message)


def test_every_key_but_dns_is_needed(settings_json: dict[str, Any]) -> None:
    """Leaving out any key is an error that names it."""
    for section, content in settings_json.items():
        for key in content if isinstance(content, dict) else [None]:
            broken = copy.deepcopy(settings_json)
            path = section if key is None else f"{section}.{key}"
            del (broken if key is None else broken[section])[key or section]
            if section == "dns":
                continue

            with pytest.raises(SettingsError) as caught:
                Settings.from_json(broken)

            assert str(caught.value) == f"{path}: missing"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        ("{", "not JSON"),
        ("[]", "settings: must be an object, not a list"),
        ('{"domain": "\\ud800"}', "domain: must be a host name in lower case"),
    ],
)
def test_an_unusable_file_ends_with_78_and_one_line(
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    content: str | None,
    message: str,
) -> None:
    """systemd does not restart a service that ends with 78."""
    file = tmp_path / "settings.json"
    if content is not None:
        file.write_text(content)

    code = cli.exit_code(
        lambda: cli.group(["--settings", str(file), "check-settings"], standalone_mode=False)
    )

    assert code == 78
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_good_file_ends_with_0(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], settings_json: dict[str, Any]
) -> None:
    """The Nix build runs this."""
    file = tmp_path / "good.json"
    file.write_text(json.dumps(settings_json))

    code = cli.exit_code(lambda: cli.group(["check-settings", str(file)], standalone_mode=False))

    assert (code, capsys.readouterr().out) == (0, "settings of chat.example.org are good\n")
