"""Our own programs as relays run them, from the checkout: chatmaild, library, web pages."""

import hashlib
import json
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chatmail_lab.chamber import run_in_root, seen
from chatmail_lab.checkout import checkout
from chatmail_lab.render.files import File, text
from chatmail_lab.root import cache_directory

PACKAGES = "/usr/lib/python3/dist-packages"
LIBRARIES = "/usr/lib/chatmail"
PAGES = "/usr/share/chatmail-www"
# the second one is for the hosts that only a lab has
SOURCES_IN_C = ("pkgs/preload", "pkgs/chatmail-lab/preload")
COMPILER_FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")

# what the description's units run, as a Debian host has it
PATHS: Mapping[str, str | None] = {
    "chatmaild": "/usr/bin/chatmaild",
    "chatmail": "/usr/bin/chatmail",
    "doveadm": "/usr/bin/doveadm",
    "imap": "/usr/lib/dovecot/imap",
    "libraries": LIBRARIES,
    "nft": "/usr/sbin/nft",
    "openssl": "/usr/bin/openssl",
    "shell": "/bin/sh",
    "systemctl": "/usr/bin/systemctl",
    "www": PAGES,
}

_LAUNCHER = """#!/usr/bin/python3 -sP
import sys

from {module} import {function}

sys.exit({function}())
"""


def launchers(project: str) -> list[File]:
    """The commands that a pyproject.toml (its text) declares, and the package's metadata."""
    metadata = tomllib.loads(project)["project"]
    commands = []
    for name, target in metadata.get("scripts", {}).items():
        module, _, function = target.partition(":")
        body = _LAUNCHER.format(module=module, function=function)
        commands.append(text(f"/usr/bin/{name}", body, mode=0o755))
    info = f"Metadata-Version: 2.1\nName: {metadata['name']}\nVersion: {metadata['version']}\n"
    folder = f"{metadata['name'].replace('-', '_')}-{metadata['version']}.dist-info"
    return [*commands, text(f"{PACKAGES}/{folder}/METADATA", info)]


def stage(root: Path, directory: Path) -> str:
    """Put chatmaild and the libraries, ready to be copied into every relay, under `directory`.

    Returns their digest.
    """
    shutil.rmtree(directory, ignore_errors=True)
    source = checkout() / "pkgs/chatmaild"
    package = _below(directory, PACKAGES) / "chatmaild"
    shutil.copytree(
        source / "src/chatmaild", package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    for file in launchers((source / "pyproject.toml").read_text()):
        path = _below(directory, file.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    _compile_python(root, directory)
    libraries = _below(directory, LIBRARIES)
    libraries.mkdir(parents=True, exist_ok=True)
    for code in (path for folder in SOURCES_IN_C for path in (checkout() / folder).glob("*.c")):
        library = libraries / f"{code.stem}.so"
        shutil.copyfile(_compiled(code, root), library)
        library.chmod(0o755)
    _open_directories(directory)
    return digest_below(directory)


def digest_below(directory: Path) -> str:
    """What tells whether the files below a directory are the same, in name and content."""
    digest = hashlib.sha256()
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).digest()
        digest.update(repr((str(path.relative_to(directory)), content)).encode())
    return digest.hexdigest()


def stage_pages(root: Path, directory: Path, pages: Mapping[str, Any] | None) -> None:
    """Build a relay's web pages under `directory`.

    Raises:
        LabError: the pages cannot be built from what the operator gave.
    """
    shutil.rmtree(directory, ignore_errors=True)
    if pages is None:
        return
    directory.mkdir(parents=True)
    settings = directory.with_suffix(".json")
    settings.write_text(json.dumps(pages))
    sources = [seen(checkout() / f"pkgs/{name}/src") for name in ("chatmail-www", "chatmaild")]
    built = _below(directory, PAGES)
    built.parent.mkdir(parents=True)
    options = ["--settings", seen(settings), "--out", f"{seen(directory)}{PAGES}"]
    python = ["env", f"PYTHONPATH={':'.join(sources)}", "python3", "-B", "-m", "chatmail_www"]
    run_in_root(root, [*python, *options])
    _open_directories(directory)


def _below(directory: Path, path: str) -> Path:
    return directory / path.lstrip("/")


def _open_directories(directory: Path) -> None:
    """Let everybody on a relay look into directories, whatever umask we have."""
    for path in directory.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
        elif not path.stat().st_mode & 0o004:
            path.chmod(path.stat().st_mode | 0o044)


def _compile_python(root: Path, directory: Path) -> None:
    """Write the bytecode, by the root's own Python."""
    compiler = ["python3", "-m", "compileall", "-q", "-j0", "-s", seen(directory), "-p", "/"]
    run_in_root(root, [*compiler, f"{seen(directory)}{PACKAGES}"])


def _compiled(source: Path, root: Path) -> Path:
    """A library, from the cache if its source has not changed."""
    recipe = source.read_bytes() + " ".join(COMPILER_FLAGS).encode() + root.name.encode()
    built = cache_directory() / f"{source.stem}-{hashlib.sha256(recipe).hexdigest()[:12]}.so"
    if not built.exists():
        unfinished = built.with_suffix(".building")
        run_in_root(root, ["gcc", *COMPILER_FLAGS, "-o", seen(unfinished), seen(source)])
        unfinished.rename(built)
    return built
