"""The Debian image that all hosts share: a directory, built once and never changed afterwards."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chatmail_lab.errors import LabError
from chatmail_lab.machine.preflight import KEYRING

SUITE = "trixie"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "iproute2", "procps", "nftables", "strace", "restic"),
    *("postfix", "postfix-pcre", "postfix-sqlite", "sqlite3"),
    *("dovecot-core", "dovecot-imapd", "dovecot-lmtpd", "dovecot-dev"),
    *("nginx-light", "libnginx-mod-stream", "unbound", "coturn", "opendkim", "opendkim-tools"),
    *("nix-bin", "openssl", "ca-certificates", "gcc", "libc6-dev", "libssl-dev", "libunbound-dev"),
    *("openssh-server", "rsync"),
    # machines of a cluster; the second is for kernels without WireGuard
    *("wireguard-tools", "wireguard-go"),
    *("python3", "python3-click", "python3-dkim", "python3-dnspython"),
    *("python3-cryptography", "python3-idna", "python3-segno", "python3-jinja2"),
    *("python3-prometheus-client", "python3-aiosmtplib", "python3-imapclient"),
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
# mount point of the machine's file system, for programs that run in the image
MACHINE_MOUNT = "host"
# download, unpack and configure each package and its dependencies; only the progress bar uses it
EXPECTED_STEPS = 850

# called with the finished fraction and the last line of the log
ReportProgress = Callable[[float, str], None]


def cache_directory() -> Path:
    """Return the directory of images and libraries, which outlive labs."""
    return Path(os.environ.get("CHATMAIL_LAB_CACHE", "/var/cache/chatmail-lab"))


def image_name() -> str:
    """Return the name of the image that has exactly these packages."""
    recipe = "\n".join((SUITE, *PACKAGES, *OPTIONS))
    return f"root-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def is_step(line: str) -> bool:
    """Return whether a line of mmdebstrap's log reports a download, an unpacking or a setup."""
    return line.startswith(("Get:", "Unpacking ", "Setting up "))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure_image(report: ReportProgress) -> Path:
    """Return the path of the image; build it if it does not exist.

    Raises:
        LabError: mmdebstrap failed; with the end of its log.
    """
    cache = cache_directory()
    image = cache / image_name()
    if image.is_dir():
        return image
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "lock"):
        if not image.is_dir():
            _build(image, report)
    return image


def _build(image: Path, report: ReportProgress) -> None:
    unfinished = image.with_suffix(".unfinished")
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
            "mmdebstrap failed to build the Debian image (can this machine reach a mirror?):\n"
            + "\n".join(tail)
        )
    (unfinished / MACHINE_MOUNT).mkdir()
    unfinished.rename(image)
