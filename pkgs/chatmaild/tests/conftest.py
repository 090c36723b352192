"""Fixtures for every area: the settings of a relay whose directories are temporary."""

import gc
import importlib.util
import json
import logging
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chatmaild.dkim.keys import RSA_BITS, key_path
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes

# the description's defaults for chat.example.org, as modules/chatmail/settings.nix gives them
SETTINGS_FILE = pathlib.Path(__file__).with_name("settings.json")

HAS_HYPOTHESIS = importlib.util.find_spec("hypothesis") is not None
if HAS_HYPOTHESIS:
    import hypothesis

    # a busy machine is no fault of the code
    hypothesis.settings.register_profile("steady", deadline=None)
    hypothesis.settings.load_profile("steady")


def pytest_collection_finish() -> None:
    """Thousands of collected tests live to the end: the garbage collector need not visit them."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> str:
    """Say what is left out."""
    return "" if HAS_HYPOTHESIS else "hypothesis is not installed: files that need it are left out"


def pytest_ignore_collect(collection_path: pathlib.Path) -> bool | None:
    """Leave property tests out where hypothesis is not installed (Debian's packages alone)."""
    is_test = collection_path.name.startswith("test_") and collection_path.suffix == ".py"
    if HAS_HYPOTHESIS or not is_test:
        return None
    return "from hypothesis import" in collection_path.read_text() or None


@pytest.fixture
def socket_directory() -> Iterator[pathlib.Path]:
    """A directory with a short name: a socket's path has at most 107 bytes (unix(7))."""
    with tempfile.TemporaryDirectory(prefix="chatmaild", dir="/tmp") as directory:
        yield pathlib.Path(directory)


@pytest.fixture
def settings_json(tmp_path: pathlib.Path, socket_directory: pathlib.Path) -> dict[str, Any]:
    """The settings as decoded JSON, with every directory, file and socket below tmp_path."""
    data: dict[str, Any] = json.loads(SETTINGS_FILE.read_text())
    for name in data["directories"]:
        directory = tmp_path / name
        directory.mkdir()
        data["directories"][name] = str(directory)
    for name, path in data["sockets"].items():
        data["sockets"][name] = path if name in ("auth", "lmtp") else str(socket_directory / name)
    data["registration"]["stopFile"] = str(tmp_path / "nocreate")
    data["turn"]["secretFile"] = str(tmp_path / "turn-secret")
    return data


@pytest.fixture
def settings(settings_json: dict[str, Any]) -> Settings:
    """The settings of a relay for chat.example.org."""
    return Settings.from_json(settings_json)


@pytest.fixture
def mailboxes(settings: Settings) -> Mailboxes:
    """The relay's mailboxes, none yet."""
    return Mailboxes.of(settings)


@pytest.fixture(scope="session")
def dkim_key() -> rsa.RSAPrivateKey:
    """A key for all tests that only need one: making one takes 0.1 s."""
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)


@pytest.fixture(scope="session")
def dkim_pem(dkim_key: rsa.RSAPrivateKey) -> bytes:
    """That key as in a file."""
    return dkim_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


@pytest.fixture
def dkim_file(settings: Settings, dkim_pem: bytes) -> pathlib.Path:
    """The relay's key, made before."""
    file = key_path(settings, settings.dkim.selector)
    file.write_bytes(dkim_pem)
    return file


@pytest.fixture(autouse=True)
def _root_logger_is_restored() -> Iterator[None]:
    """A command that runs within a test sets up logging for its process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
