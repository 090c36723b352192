"""The command `chatmail`, run in this process."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from chatmaild import cli
from chatmaild.operator import cli as operator_cli

Chatmail = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lines for the journal, instead of the journal; and nobody is root."""
    lines: list[str] = []
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    def audit(text: str, *arguments: object) -> None:
        lines.append(text % arguments)

    apart = ("accountlist.files", "decisions.domains", "exchange.commands")
    for module in ("addresses", "registration", *apart):
        monkeypatch.setattr(f"chatmaild.operator.{module}.audit", audit)
    # for commands that import it when they run
    monkeypatch.setattr("chatmaild.operator.privileges.audit", audit)
    return lines


@pytest.fixture
def chatmail(
    settings_json: dict[str, Any],
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    audited: list[str],
) -> Chatmail:
    """Run `chatmail ARGUMENTS`: exit code and lines of both outputs."""
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings_json))

    def run(*arguments: str) -> tuple[int, list[str]]:
        code = cli.exit_code(
            lambda: operator_cli.group(["--settings", str(file), *arguments], standalone_mode=False)
        )
        captured = capsys.readouterr()
        return code, (captured.out + captured.err).splitlines()

    return run
