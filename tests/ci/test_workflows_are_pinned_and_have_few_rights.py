"""`.github/workflows` pin their actions and have few rights.

The flake's check `workflows` runs actionlint.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = sorted(path for path in (CHECKOUT / "scripts" / "ci").iterdir() if path.suffix != ".sh")
# workflow -> its write permissions
WRITERS = {"renew-lock.yml": {"contents", "pull-requests", "actions"}}

workflows = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)


def _values(file: Path, key: str) -> Iterator[str]:
    for line in file.read_text().splitlines():
        found = re.fullmatch(rf"[ -]*{key}: *(.*)", line)
        if found:
            yield found[1]


@workflows
def test_actions_are_pinned_by_their_whole_hash(file: Path) -> None:
    """A tag can be moved. The comment has the release."""
    for action in _values(file, "uses"):
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def test_one_action_has_one_hash() -> None:
    """In all workflows."""
    used = {action for file in WORKFLOWS for action in _values(file, "uses")}

    assert len({action.partition("@")[0] for action in used}) == len(used)


@workflows
def test_a_workflow_has_the_least_rights(file: Path) -> None:
    """Every workflow declares its permissions, and only those in WRITERS can write."""
    text = file.read_text()
    writes = set(re.findall(r"(?m)^ *([\w-]+): write$", text))

    assert re.search(r"(?m)^permissions:( \{\})?$", text)
    assert "write-all" not in text
    assert writes == WRITERS.get(file.name, set())
    if not writes:
        assert text.count("persist-credentials: false") == text.count("uses: actions/checkout@")


@workflows
def test_every_step_is_a_script_of_the_repository(file: Path) -> None:
    """So every step also runs on a developer's machine."""
    for command in _values(file, "run"):
        assert re.fullmatch(r"scripts/ci/[\w-]+", command)
        assert os.access(CHECKOUT / command, os.X_OK)


@workflows
def test_no_input_of_strangers_reaches_a_shell(file: Path) -> None:
    """Titles and branch names of pull requests are no part of a command."""
    assert "pull_request_target" not in file.read_text()
    assert not any("${{" in command for command in _values(file, "run"))


def test_every_script_is_used() -> None:
    """Unused scripts are removed."""
    used = {command for file in WORKFLOWS for command in _values(file, "run")}

    assert {f"scripts/ci/{path.name}" for path in SCRIPTS} == used


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_describes_itself_and_stops_at_errors(script: Path) -> None:
    """The second line has the description."""
    lines = script.read_text().splitlines()

    assert lines[0] == "#!/usr/bin/env bash"
    assert lines[1].startswith("# ")
    assert "set -euo pipefail" in lines
