"""Whether this machine can run a lab; if not, one sentence on what to do."""

import os
import shutil
from pathlib import Path

from chatmail_lab.errors import LabError

# program -> Debian package
PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "openssl": "openssl",
}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def check_machine() -> None:
    """Check rights and programs.

    Raises:
        LabError: naming what is missing and the command that repairs it.
    """
    if os.geteuid() != 0:
        raise LabError("a lab makes namespaces and mounts, so it needs root: try again with sudo")
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if not KEYRING.exists():
        missing.append("debian-archive-keyring")
    if missing:
        packages = " ".join(dict.fromkeys(missing))
        raise LabError(f"programs are missing: install them with `apt-get install {packages}`")
