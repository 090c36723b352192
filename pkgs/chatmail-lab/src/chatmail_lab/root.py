"""The Debian root that all hosts share: made once, read-only afterwards."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chatmail_lab.errors import LabError
from chatmail_lab.needs import KEYRING

SUITE = "trixie"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "iproute2", "procps", "nftables", "strace"),
    *("postfix", "postfix-pcre", "postfix-sqlite", "sqlite3"),
    *("dovecot-core", "dovecot-imapd", "dovecot-lmtpd", "dovecot-dev"),
    *("nginx-light", "libnginx-mod-stream", "unbound", "coturn", "opendkim", "opendkim-tools"),
    *("nix-bin", "openssl", "ca-certificates", "gcc", "libc6-dev", "libssl-dev", "libunbound-dev"),
    *("python3", "python3-click", "python3-dkim", "python3-dnspython"),
    *("python3-cryptography", "python3-idna", "python3-segno", "python3-jinja2"),
    *("python3-prometheus-client",),
)
OPTIONS = (
    "--mode=root",
    "--variant=minbase",
    "--format=directory",
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    '--aptopt=Acquire::Languages "none"',
)
# where the machine's own files are seen while nix evaluates them
HOST_VIEW = "host"
# three for each of the packages above and what they depend on; only the progress display needs it
EXPECTED_STEPS = 850

Report = Callable[[float, str], None]


def cache_directory() -> Path:
    """Where roots are kept between labs."""
    return Path(os.environ.get("CHATMAIL_LAB_CACHE", "/var/cache/chatmail-lab"))


def root_name() -> str:
    """Name of the root that has exactly these packages."""
    recipe = "\n".join((SUITE, *PACKAGES, *OPTIONS))
    return f"root-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def is_step(line: str) -> bool:
    """Whether a line of mmdebstrap's log tells of a package downloaded, unpacked or configured."""
    return line.startswith(("Get:", "Unpacking ", "Setting up "))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ready_root(report: Report) -> Path:
    """Path of the root; makes it if this machine has none.

    Raises:
        LabError: mmdebstrap failed, with the end of its log.
    """
    cache = cache_directory()
    root = cache / root_name()
    if root.is_dir():
        return root
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "lock"):
        if not root.is_dir():
            _make(root, report)
    return root


def _make(root: Path, report: Report) -> None:
    unfinished = root.with_suffix(".unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    keys = [f"--keyring={KEYRING}"] if KEYRING else []
    what = ["--verbose", *keys, *OPTIONS, f"--include={','.join(PACKAGES)}", SUITE]
    command = ["mmdebstrap", *what, str(unfinished)]
    tail: list[str] = []
    steps = 0
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            tail = [*tail[-20:], line.rstrip()]
            steps += is_step(line)
            report(min(steps / EXPECTED_STEPS, 0.99), line.strip())
    if process.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise LabError(
            "mmdebstrap could not make the Debian root (can this machine fetch Debian packages?):\n"
            + "\n".join(tail)
        )
    (unfinished / HOST_VIEW).mkdir()
    unfinished.rename(root)
