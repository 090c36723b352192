"""Rules for domains: of the options and of the command, together."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chatmaild.errors import DecisionError, SettingsError
from chatmaild.settings import Settings
from chatmaild.store.decisions import domains
from chatmaild.store.decisions.domains import Domains, Lists


def _block(settings: Settings, *names: str) -> None:
    domains.change(settings, lambda lists: replace(lists, blocked=lists.blocked | set(names)))


def test_a_change_counts_at_once(settings: Settings) -> None:
    """In a process that runs."""
    rules = Domains(settings)
    assert rules.allow("example.net")

    _block(settings, "example.net")
    assert not rules.allow("a.example.net")

    domains.change(settings, lambda _: Lists())
    assert rules.allow("example.net")


def test_options_and_command_are_in_force_together(settings_json: dict[str, Any]) -> None:
    """In each list."""
    settings_json["domains"] = {"blocked": ["a.test"], "allowedOnly": ["test", "b.example"]}
    settings = Settings.from_json(settings_json)
    rules = Domains(settings)
    _block(settings, "b.test")
    more = frozenset({"example.net"})
    domains.change(settings, lambda lists: replace(lists, allowed_only=more))
    allowed = ("c.test", "b.example", "example.net", settings.mail_domain)

    assert all(map(rules.allow, allowed))
    assert not any(map(rules.allow, ("a.test", "b.test", "example.org")))


def test_options_are_canonical(settings_json: dict[str, Any]) -> None:
    """What the pattern of the option lets through is checked at the start."""
    settings_json["domains"]["blocked"] = ["[IPv6:2001:db8:0::1]"]
    assert not Domains(Settings.from_json(settings_json)).allow("[ipv6:2001:DB8::1]")

    settings_json["domains"]["blocked"] = ["[IPv6:1:2]"]
    with pytest.raises(SettingsError, match="domains: "):
        Domains(Settings.from_json(settings_json))


@pytest.mark.parametrize(
    "content",
    [
        '{"blocked": "example.org"}',
        '{"blocked": [1]}',
        '{"blocked": ["a b"]}',
        "[]",
        '{"x": []}',
        "",
    ],
)
def test_in_doubt_no_other_domain_is_allowed(content: str, settings: Settings) -> None:
    """An error, which is a 4xx; mail within the relay goes on, and nothing is overwritten."""
    rules = Domains(settings)
    Path(domains.file_of(settings)).write_text(content)

    with pytest.raises(DecisionError):
        rules.allow("example.org")
    with pytest.raises(DecisionError):
        _block(settings, "example.net")
    assert rules.allow(settings.mail_domain)
    assert domains.file_of(settings).read_text() == content
