"""`chatmail domains`."""

import json
from pathlib import Path
from typing import Any

import pytest

from chatmaild.settings import Settings
from chatmaild.store.decisions.domains import file_of

from ..conftest import Chatmail

ALL = "mail is exchanged with all domains"
BUT = "mail is exchanged with all domains that are not blocked"
ONLY = "mail is exchanged with the allowed domains only"


def test_rules_come_and_go(chatmail: Chatmail, audited: list[str]) -> None:
    """Each command prints the rules that are in force then."""
    assert chatmail("domains", "list") == (0, [ALL])
    blocked = "blocked  example.org  (set by command)"
    assert chatmail("domains", "block", "Example.org") == (0, [BUT, blocked])
    assert chatmail("domains", "block", "example.org") == (0, [BUT, blocked])
    allowed = [
        "allowed  [192.0.2.1]  (set by command)",
        "allowed  xn--bcher-kva.example  (set by command)",
    ]
    only = chatmail("domains", "only", "bücher.example", "192.0.2.1")
    assert only == (0, [ONLY, *allowed, blocked])
    assert chatmail("domains", "remove", "example.org", "[192.0.2.1]") == (0, [ONLY, allowed[1]])
    assert chatmail("domains", "remove", "bücher.example") == (0, [ALL])
    assert not any("example" in line for line in audited)
    assert len(audited) == 5


def test_rules_of_options(
    chatmail: Chatmail, settings_json: dict[str, Any], tmp_path: Path
) -> None:
    """Are listed, and removed where they are written."""
    settings_json["domains"] = {"blocked": ["a.test", "b.test"], "allowedOnly": []}
    (tmp_path / "settings.json").write_text(json.dumps(settings_json))
    chatmail("domains", "block", "a.test")

    code, lines = chatmail("domains", "list", "--json")

    assert code == 0
    assert json.loads("\n".join(lines)) == {
        "blocked": [
            {"domain": "a.test", "setBy": ["command", "options"]},
            {"domain": "b.test", "setBy": ["options"]},
        ],
        "allowedOnly": [],
    }
    assert chatmail("domains", "remove", "b.test") == (
        1,
        ["error: b.test is a rule of services.chatmail.domains.blocked: remove it there"],
    )
    code, lines = chatmail("domains", "only", "x.b.test")
    assert (code, lines) == (1, ["error: x.b.test is blocked by the rule b.test: remove it first"])
    assert "blocked  a.test  (set by options)" in chatmail("domains", "remove", "a.test")[1]


def test_the_own_domain_stays_allowed(chatmail: Chatmail, settings: Settings) -> None:
    """Also when a rule covers it."""
    own = settings.mail_domain
    for command in ("block", "only"):
        code, (line,) = chatmail("domains", command, "example.net", own)
        assert (code, "own domain, which is always allowed" in line) == (1, True)
    assert not file_of(settings).exists()

    chatmail("domains", "block", "example.org")

    assert chatmail("domains", "check", own) == (
        0,
        [f"{own}: allowed, because it is this relay's own domain"],
    )


def test_one_wrong_rule_changes_nothing(chatmail: Chatmail, settings: Settings) -> None:
    """A text that is no domain is a usage error."""
    assert chatmail("domains", "block", "example.net", "bob@example.org")[0] == 2
    assert chatmail("domains", "block")[0] == 2
    code, lines = chatmail("domains", "remove", "example.net")
    assert code == 1
    assert lines == ["error: there is no rule example.net; `chatmail domains list` shows all"]
    assert not file_of(settings).exists()


def test_check_names_the_rule(chatmail: Chatmail) -> None:
    """The exit code is 1 if one of the domains is blocked."""
    chatmail("domains", "block", "bad.example.org")
    assert chatmail("domains", "check", "example.org") == (
        0,
        ["example.org: allowed, because no rule covers it"],
    )
    chatmail("domains", "only", "example.org")

    assert chatmail("domains", "check", "a.example.org", "A.bad.example.org", "[192.0.2.1]") == (
        1,
        [
            "a.example.org: allowed by the rule example.org",
            "a.bad.example.org: blocked by the rule bad.example.org",
            "[192.0.2.1]: blocked, because only other domains are allowed",
        ],
    )


@pytest.mark.parametrize("command", [("list",), ("block", "example.net"), ("check", "example.net")])
def test_a_broken_file_is_told(
    command: tuple[str, ...], chatmail: Chatmail, settings: Settings
) -> None:
    """And not overwritten."""
    file_of(settings).write_text("{")

    code, (line,) = chatmail("domains", *command)

    assert code == 1
    assert line.startswith(f"error: {file_of(settings)} cannot be used: ")
    assert file_of(settings).read_text() == "{"
