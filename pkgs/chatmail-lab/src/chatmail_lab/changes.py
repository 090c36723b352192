"""What a new configuration changes on a running host: the units that NixOS' switch would restart.

NixOS compares units, and what they name as their `restartTriggers`. Here, files are compared.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from chatmail_lab.programs import PACKAGES
from chatmail_lab.render.files import File
from chatmail_lab.render.systemd import script_paths, unit_path

# what a unit reads when it starts, by the beginning of the path; others may read anything
READS: Mapping[str, str] = {
    "chatmail-accounts": "/etc/chatmail/settings.json",
    "chatmail-filter": "/etc/chatmail/settings.json",
    "chatmail-transport": "/etc/chatmail/settings.json",
    "coturn": "/etc/turnserver.conf",
    "dovecot": "/etc/dovecot/",
    "nginx": "/etc/nginx/",
    "postfix": "/etc/postfix/",
    "unbound": "/etc/unbound/",
}


def inventory(files: Iterable[File], staged: Path) -> dict[str, str]:
    """Digests of what a description makes of a host, by path; our own programs are one of them.

    Args:
        files: what is rendered.
        staged: the directory in which our programs were made ready.
    """
    found = {file.path: _digest(repr(file).encode()) for file in files}
    programs = [
        (str(path.relative_to(staged)), _digest(path.read_bytes()))
        for path in sorted(staged.rglob("*"))
        if path.is_file()
    ]
    return found | {PACKAGES: _digest(repr(programs).encode())}


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> frozenset[str]:
    """Paths of what is new, gone or different in an inventory."""
    return frozenset(path for path in {*before, *after} if before.get(path) != after.get(path))


def concerns(unit: str, paths: Collection[str]) -> bool:
    """Whether a service has to be restarted after these files changed."""
    own = {unit_path(f"{unit}.service"), *script_paths(unit), PACKAGES}
    return any(path in own or path.startswith(READS.get(unit, "/")) for path in paths)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
