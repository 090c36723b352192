"""The command `chatmail`, run in this process; and the machines of a cluster, as processes."""

import json
import pathlib
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chatmaild import cli
from chatmaild.operator import cli as operator_cli

from .cluster.world import World, running

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


@pytest.fixture
def of_store(settings_json: dict[str, Any]) -> dict[str, Any]:
    """The settings of the first of two stores."""
    machine = {"address": "fd00::1", "host": "192.0.2.1", "publicKey": "A" * 43 + "="}
    settings_json["cluster"] |= {
        "role": "store",
        "machine": "store1",
        "fronts": {"front1": machine},
        "placements": [{"store1": 1, "store2": 1}],
    }
    return settings_json


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A front and two stores that run, for all tests."""
    # a socket's path has at most 107 bytes (unix(7))
    with (
        tempfile.TemporaryDirectory(prefix="chatmaild", dir="/tmp") as sockets,
        running(tmp_path_factory.mktemp("cluster"), pathlib.Path(sockets)) as found,
    ):
        yield found


@pytest.fixture
def half(world: World) -> Iterator[World]:
    """The same relay while its second store is down."""
    world.stores["store2"].stop()
    world.sees("store2", is_up=False)
    yield world
    world.stores["store2"].start()
    world.sees("store2", is_up=True)
