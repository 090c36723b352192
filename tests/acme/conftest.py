"""Fixtures: an ACME server, and the programs that the tests need."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from acmetest.authority import Authority, running

TOOLS = ("acmetool", "lego", "openssl", "pebble")


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """Stop if a program is missing that `scripts/test` installs."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.exit(f"not installed: {', '.join(missing)}. Run `scripts/test`.", 1)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="chatmail-acme-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def authority(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """An ACME server whose certificate all programs trust."""
    with running(place) as authority:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
        yield authority
