"""Fixtures of the scenarios with programs that probe relays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from chatmail_testkit.traces.ledger import record_login
from delta_chat.server import core

from probers.programs import Prober

PROGRAMS = Path(sys.executable).parent
TIMEOUT_S = 60


@pytest.fixture
def untrusted(request: pytest.FixtureRequest) -> str:
    """A relay whose name begins with `_`."""
    return _untrusted(request, is_name=True)


@pytest.fixture
def untrusted_address(request: pytest.FixtureRequest) -> str:
    """A relay that has an IP address and no name."""
    return _untrusted(request, is_name=False)


def _untrusted(request: pytest.FixtureRequest, *, is_name: bool) -> str:
    option: str = request.config.getoption("--untrusted")
    for domain in filter(None, option.split(",")):
        if domain.startswith("_") == is_name:
            return domain
    pytest.skip("needs relays that sign their own certificates: --untrusted _d.test,192.0.2.77")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Prober]:
    """Run a program with a cache of its own; afterwards, note the profiles that it made."""
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path),
        "PATH": os.pathsep.join((str(PROGRAMS), os.environ.get("PATH", ""))),
    }

    def call(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        if shutil.which(program, path=environment["PATH"]) is None:
            pytest.skip(f"needs {program} of PyPI")
        return subprocess.run(
            [program, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    yield call
    for accounts in tmp_path.rglob("accounts.toml"):
        with core(accounts.parent) as chats:
            for account in chats.get_all_accounts():
                password = account.get_config("configured_mail_pw")
                record_login(account.get_config("configured_addr") or "", password or "")
