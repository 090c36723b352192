"""The check that this machine can run a lab."""

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
DEBIANS_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# keys of Debian's archive, for machines that have no such file
KEYRING = os.environ.get("CHATMAIL_LAB_KEYRING")


def check_machine() -> None:
    """Check rights and programs.

    Raises:
        LabError: It names what is missing and the command that repairs it.
    """
    if os.geteuid() != 0:
        raise LabError("a lab makes namespaces and mounts, so it needs root: try again with sudo")
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if not Path(KEYRING or DEBIANS_KEYRING).exists():
        missing.append("debian-archive-keyring")
    if not missing:
        return
    packages = " ".join(dict.fromkeys(missing))
    if shutil.which("apt-get") is None:
        raise LabError(
            f"programs are missing ({packages}): on NixOS use `nix run .#lab` or `nix develop`,"
            " which include them"
        )
    raise LabError(f"programs are missing: install them with `apt-get install {packages}`")
