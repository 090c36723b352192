"""Our own programs for the relays, built from the checkout: chatmaild, libraries, web pages."""

import hashlib
import json
import re
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chatmail_lab.errors import LabError
from chatmail_lab.image.chroot import path_in_image, run_in_image
from chatmail_lab.image.debian import cache_directory
from chatmail_lab.machine.checkout import checkout
from chatmail_lab.render.files import File, text_file

PACKAGES = "/usr/lib/python3/dist-packages"
LIBRARIES = "/usr/lib/chatmail"
PLUGINS = "/usr/lib/dovecot/modules"
PLUGIN_SOURCES = "pkgs/preload/plugins"
PAGES = "/usr/share/chatmail-www"
# the last one is for classic servers
C_SOURCES = ("pkgs/preload", PLUGIN_SOURCES, "pkgs/chatmail-lab/preload")
HEADERS = "/usr/include/dovecot"
COMPILER_FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")

# paths, on a Debian host, of the programs that the description's units run
PATHS: Mapping[str, str | None] = {
    "chatmaild": "/usr/bin/chatmaild",
    "chatmail": "/usr/bin/chatmail",
    "doveadm": "/usr/bin/doveadm",
    "imap": "/usr/lib/dovecot/imap",
    "ip": "/usr/bin/ip",
    "libraries": LIBRARIES,
    "nft": "/usr/sbin/nft",
    "openssl": "/usr/bin/openssl",
    "postqueue": "/usr/sbin/postqueue",
    "shell": "/bin/sh",
    "systemctl": "/usr/bin/systemctl",
    "www": PAGES,
}

_LAUNCHER = """#!/usr/bin/python3 -sP
import sys

from {module} import {function}

sys.exit({function}())
"""


def launchers(project: str, version: str) -> list[File]:
    """Return the commands that a pyproject.toml (its text) declares, and the package's metadata."""
    metadata = tomllib.loads(project)["project"]
    commands = []
    for name, target in metadata.get("scripts", {}).items():
        module, _, function = target.partition(":")
        body = _LAUNCHER.format(module=module, function=function)
        commands.append(text_file(f"/usr/bin/{name}", body, mode=0o755))
    info = f"Metadata-Version: 2.1\nName: {metadata['name']}\nVersion: {version}\n"
    folder = f"{metadata['name'].replace('-', '_')}-{version}.dist-info"
    return [*commands, text_file(f"{PACKAGES}/{folder}/METADATA", info)]


def build_programs(image: Path, directory: Path) -> str:
    """Build chatmaild and the libraries under `directory`, as a host's root would have them.

    Returns:
        Their digest.
    """
    shutil.rmtree(directory, ignore_errors=True)
    source = checkout() / "pkgs/chatmaild"
    package = _below(directory, PACKAGES) / "chatmaild"
    shutil.copytree(
        source / "src/chatmaild", package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    version = (checkout() / "VERSION").read_text().strip()
    for file in launchers((source / "pyproject.toml").read_text(), version):
        path = _below(directory, file.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    _compile_python(image, directory)
    for code in (path for folder in C_SOURCES for path in (checkout() / folder).glob("*.c")):
        library = _below(directory, library_path(code))
        library.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_compiled_library(image, code), library)
        library.chmod(0o755)
    _make_readable(directory)
    return digest_below(directory)


def library_path(source: Path) -> str:
    """Return where a host has the library of a C file; a plugin is beside Dovecot's own."""
    if source.parent == checkout() / PLUGIN_SOURCES:
        return f"{PLUGINS}/lib20_{source.stem.replace('-', '_')}_plugin.so"
    return f"{LIBRARIES}/{source.stem}.so"


def dovecot_version(image: Path) -> str:
    """Return the version of the image's Dovecot, without Debian's revision.

    Raises:
        LabError: The image's headers do not name it.
    """
    header = image / HEADERS.lstrip("/") / "config.h"
    found = re.search(r'^#define DOVECOT_VERSION "([0-9.]+)', header.read_text(), re.MULTILINE)
    if found is None:
        raise LabError(f"{header} does not say which version of Dovecot it is")
    return found[1]


def digest_below(directory: Path) -> str:
    """Return a digest of the names and contents of all files below a directory."""
    digest = hashlib.sha256()
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).digest()
        digest.update(repr((str(path.relative_to(directory)), content)).encode())
    return digest.hexdigest()


def build_pages(image: Path, directory: Path, pages: Mapping[str, Any]) -> None:
    """Build a relay's web pages under `directory`.

    Raises:
        LabError: The pages cannot be built from the operator's settings.
    """
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    settings = directory.with_suffix(".json")
    settings.write_text(json.dumps(pages))
    sources = [
        path_in_image(checkout() / f"pkgs/{name}/src") for name in ("chatmail-www", "chatmaild")
    ]
    _below(directory, PAGES).parent.mkdir(parents=True)
    output = f"{path_in_image(directory)}{PAGES}"
    options = ["--settings", path_in_image(settings), "--out", output]
    python = ["env", f"PYTHONPATH={':'.join(sources)}", "python3", "-B", "-m", "chatmail_www"]
    run_in_image(image, [*python, *options])
    _make_readable(directory)


def _below(directory: Path, path: str) -> Path:
    return directory / path.lstrip("/")


def _make_readable(directory: Path) -> None:
    """Let every user of a relay read these files, whatever umask made them."""
    for path in directory.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
        elif not path.stat().st_mode & 0o004:
            path.chmod(path.stat().st_mode | 0o044)


def _compile_python(image: Path, directory: Path) -> None:
    """Write the bytecode with the image's Python, which is the relays' Python."""
    inside = path_in_image(directory)
    compiler = ["python3", "-m", "compileall", "-q", "-j0", "-s", inside, "-p", "/"]
    run_in_image(image, [*compiler, f"{inside}{PACKAGES}"])


def _compiled_library(image: Path, source: Path) -> Path:
    """Return the compiled library, from the cache if its source has not changed."""
    recipe = source.read_bytes() + " ".join(COMPILER_FLAGS).encode() + image.name.encode()
    built = cache_directory() / f"{source.stem}-{hashlib.sha256(recipe).hexdigest()[:12]}.so"
    if not built.exists():
        unfinished = built.with_suffix(".building")
        compile_library(image, source, unfinished)
        unfinished.rename(built)
    return built


def compile_library(image: Path, source: Path, target: Path, include: Path | None = None) -> None:
    """Compile a C file against the image's headers; those below `include` precede them.

    Raises:
        CommandError: The compiler reports an error.
    """
    include_path = None if include is None else path_in_image(include)
    before = [] if include is None else [f"-I{include_path}", f"-I{include_path}/dovecot"]
    files = ["-o", path_in_image(target), path_in_image(source)]
    run_in_image(image, ["gcc", *COMPILER_FLAGS, *before, f"-I{HEADERS}", *files])
