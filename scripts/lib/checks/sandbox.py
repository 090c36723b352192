"""Runs a package's unit tests in the environment of a nixpkgs build, on any Linux.

A test sees no network but loopback, an /etc with users, groups and host names, /bin/sh as the only
program outside of PATH, the programs of nixpkgs' stdenv in PATH, Python packages by PYTHONPATH
only, and no home. `confined` makes the namespaces and starts `python sandbox.py FOLDER TOOLS ARGS`.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import shutil
import socket
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

NAMESPACES = ["unshare", "--mount", "--net"]
AS_ROOT = [*NAMESPACES, "--user", "--map-root-user"]
# where programs are outside of the Nix store
PROGRAMS = [Path(name) for name in ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")]
DEBIANS_PACKAGES = Path("/usr/lib/python3")
# nixpkgs' coreutils are one program, which looks at its name
COREUTILS = """
base64 basename cat chmod chown cksum comm cp cut date dd df dirname du echo env expr false head id
install kill link ln ls mkdir mkfifo mknod mktemp mv nl nproc od paste printenv printf pwd readlink
realpath rm rmdir seq sha256sum shuf sleep sort split stat stty sync tac tail tee test timeout touch
tr true truncate tty uname uniq unlink wc whoami yes
"""
STDENV = """
awk bash bzip2 cmp diff egrep fgrep file find gawk grep gunzip gzip make patch sed tar xargs xz
"""
MULTI_CALL = """#!/bin/sh
name=${{0##*/}}
case " {names} " in *" $name "*) exec {programs}/$name "$@" ;; esac
echo "coreutils: unknown program '$name'" >&2
exit 1
"""
USERS = "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
GROUPS = "root:x:0:\nnogroup:x:65534:\n"
HOSTS = "127.0.0.1 localhost\n::1 localhost\n"
BIND, RECURSIVE = 4096, 16384  # mount(2)
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1  # netdevice(7)
REQUEST = "16sh14x"


@functools.cache
def _prefix() -> Sequence[str] | None:
    """Return the command that makes the namespaces, or None without permission."""
    for prefix in (NAMESPACES, AS_ROOT):
        tried = subprocess.run([*prefix, "true"], check=False, capture_output=True)
        if tried.returncode == 0:
            return prefix
    return None


def confined(folder: Path, tools: Sequence[str], command: Sequence[str]) -> list[str]:
    """Return the command line that runs a command of this Python confined, where possible.

    `folder` becomes a mount point; `tools` are further programs that the package declares.
    """
    prefix = _prefix() if shutil.which("unshare") else None
    if prefix is None:
        return [sys.executable, *command]
    folder.mkdir(parents=True, exist_ok=True)
    return [*prefix, sys.executable, __file__, str(folder), ",".join(tools), *command]


def main(folder: Path, tools: Sequence[str], command: Sequence[str]) -> None:
    """Confine this process and replace it by Python with these arguments."""
    _raise_loopback()
    _mount("tmpfs", folder, kind="tmpfs")
    python = Path(sys.executable)
    if sys.prefix != sys.base_prefix:  # a virtual environment: use its base
        python = Path(getattr(sys, "_base_executable", sys.executable))
        base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
        for place in {DEBIANS_PACKAGES, Path(sysconfig.get_path("purelib", vars=base))}:
            if place.is_dir():
                _mount("tmpfs", place, kind="tmpfs")
    _hide_programs(folder, python, tools)
    _cover_etc(folder / "etc")
    packages = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    environment = {
        "HOME": "/homeless-shelter",
        "LANG": "C.UTF-8",
        "PATH": str(folder / "bin"),
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": os.pathsep.join(packages),
    }
    # without a directory for bytecode, none may be written beside the sources
    bytecode = os.environ.get("PYTHONPYCACHEPREFIX")
    environment |= (
        {"PYTHONPYCACHEPREFIX": bytecode} if bytecode else {"PYTHONDONTWRITEBYTECODE": "1"}
    )
    os.execve(python, [str(python), *command], environment)  # noqa: S606 - no shell is wanted


def _hide_programs(folder: Path, python: Path, tools: Sequence[str]) -> None:
    """Hide all programs but Python, /bin/sh and those in PATH."""
    kept = [*_chain(python), *_chain(Path("/bin/sh"))]
    places = [place for place in PROGRAMS if place.is_dir() and not place.is_symlink()]
    aside = {place: folder / f"programs{place}" for place in places}
    for place, copy in aside.items():
        copy.mkdir(parents=True)
        _mount(place, copy, flags=BIND | RECURSIVE)
    _offer(folder / "bin", [*STDENV.split(), *tools], aside)
    (folder / "bin/python3").symlink_to(python)
    for place in places:
        _mount("tmpfs", place, kind="tmpfs")
    for link in dict.fromkeys(kept):
        _restore(link, aside)


def _raise_loopback() -> None:
    """Switch on the interface `lo`, which is off in a new namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack(REQUEST, b"lo", 0))
        flags = struct.unpack(REQUEST, asked)[1] | IFF_UP
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack(REQUEST, b"lo", flags))


def _mount(source: Path | str, target: Path, *, kind: str = "", flags: int = 0) -> None:
    """Call mount(2), because the program of that name will be hidden."""
    libc = ctypes.CDLL(None, use_errno=True)
    options = b"mode=755" if kind else b""
    if libc.mount(str(source).encode(), str(target).encode(), kind.encode(), flags, options):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(target))


def _chain(path: Path) -> list[Path]:
    """Return a program and the files that it links to, with resolved folders."""
    place = path.parent.resolve() / path.name
    if not place.is_symlink():
        return [place]
    return [place, *_chain(place.parent / place.readlink())]


def _moved(path: Path, aside: dict[Path, Path]) -> Path:
    """Return where a program is now."""
    for place, copy in aside.items():
        if path.is_relative_to(place):
            return copy / path.relative_to(place)
    return path


def _offer(folder: Path, tools: Sequence[str], aside: dict[Path, Path]) -> None:
    """Make the folder that is PATH."""
    folder.mkdir()
    for name in tools:
        if found := shutil.which(name):
            (folder / name).symlink_to(_moved(Path(found).resolve(), aside))
    multi = folder.parent / "coreutils"
    programs = _moved(Path(shutil.which("cat") or "/bin/cat").parent.resolve(), aside)
    multi.write_text(MULTI_CALL.format(names=" ".join(COREUTILS.split()), programs=programs))
    multi.chmod(0o755)
    for name in COREUTILS.split():
        (folder / name).symlink_to(multi)


def _restore(link: Path, aside: dict[Path, Path]) -> None:
    """Put one program back to its place."""
    hidden = _moved(link, aside)
    if hidden == link:
        return
    if hidden.is_symlink():
        link.symlink_to(hidden.readlink())
    else:
        link.touch()
        _mount(hidden, link, flags=BIND)


def _cover_etc(folder: Path) -> None:
    """Replace /etc by users, groups, host names and the cache of libraries."""
    folder.mkdir()
    for name, text in (("passwd", USERS), ("group", GROUPS), ("hosts", HOSTS)):
        (folder / name).write_text(text)
    libraries = Path("/etc/ld.so.cache")
    if libraries.exists():
        shutil.copyfile(libraries, folder / libraries.name)
    _mount(folder, Path("/etc"), flags=BIND)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [tool for tool in sys.argv[2].split(",") if tool], sys.argv[3:])
