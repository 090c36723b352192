"""Our own programs as the relays run them: chatmaild and the library for instant IDLE, from the checkout."""

import hashlib
import shutil
import tomllib
from pathlib import Path

from chatmail_lab.checkout import checkout
from chatmail_lab.render.files import File, text
from chatmail_lab.root import cache_directory
from chatmail_lab.run import run

PACKAGES = "/usr/lib/python3/dist-packages"
LIBRARY = "/usr/lib/chatmail/instant-idle.so"
COMPILER_FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")

_LAUNCHER = """#!/usr/bin/python3 -sP
import sys

from {module} import {function}

sys.exit({function}())
"""


def launchers(project: str) -> list[File]:
    """The commands that a pyproject.toml (its text) declares, as files under /usr/bin."""
    metadata = tomllib.loads(project)["project"]
    commands = []
    for name, target in metadata.get("scripts", {}).items():
        module, _, function = target.partition(":")
        body = _LAUNCHER.format(module=module, function=function)
        commands.append(text(f"/usr/bin/{name}", body, mode=0o755))
    info = f"Metadata-Version: 2.1\nName: {metadata['name']}\nVersion: {metadata['version']}\n"
    folder = f"{metadata['name'].replace('-', '_')}-{metadata['version']}.dist-info"
    return [*commands, text(f"{PACKAGES}/{folder}/METADATA", info)]


def stage(root: Path, directory: Path) -> None:
    """Put all of our programs, ready to be copied into every relay, under `directory`."""
    shutil.rmtree(directory, ignore_errors=True)
    source = checkout() / "pkgs/chatmaild"
    package = directory / PACKAGES.lstrip("/") / "chatmaild"
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(source / "src/chatmaild", package, ignore=ignored)
    for file in launchers((source / "pyproject.toml").read_text()):
        path = directory / file.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    _compile_python(root, directory)
    library = directory / LIBRARY.lstrip("/")
    library.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_instant_idle(root), library)
    library.chmod(0o755)
    for path in directory.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)


def _compile_python(root: Path, directory: Path) -> None:
    """Write the bytecode, by the root's own Python."""
    compiler = ["python3", "-m", "compileall", "-q", "-j0", "-s", "/mnt", "-p", "/"]
    _in_root(root, directory, [*compiler, f"/mnt{PACKAGES}"])


def _instant_idle(root: Path) -> Path:
    """The compiled library, from the cache if its source has not changed."""
    source = checkout() / "pkgs/instant-idle/instant-idle.c"
    recipe = source.read_bytes() + " ".join(COMPILER_FLAGS).encode() + root.name.encode()
    built = cache_directory() / f"instant-idle-{hashlib.sha256(recipe).hexdigest()[:12]}.so"
    if not built.exists():
        work = cache_directory() / f"{built.stem}.building"
        work.mkdir(exist_ok=True)
        shutil.copyfile(source, work / "instant-idle.c")
        command = ["gcc", *COMPILER_FLAGS, "-o", "/mnt/instant-idle.so", "/mnt/instant-idle.c"]
        _in_root(root, work, command)
        (work / "instant-idle.so").rename(built)
        shutil.rmtree(work)
    return built


def _in_root(root: Path, directory: Path, command: list[str]) -> None:
    """Run a command in the shared root, which sees `directory` as /mnt."""
    script = 'mount --bind "$1" "$2/mnt"; root=$2; shift 2; exec chroot "$root" "$@"'
    shell = ["sh", "-ec", script, "stage", str(directory), str(root)]
    run(["unshare", "--mount", "--propagation=private", *shell, *command])
