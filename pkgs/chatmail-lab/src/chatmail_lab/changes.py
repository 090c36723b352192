"""What a new configuration changes on a running host: the units that NixOS' switch would restart.

NixOS compares units, and what they name as their `restartTriggers`. Here, files are compared.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping

from chatmail_lab.programs import PACKAGES
from chatmail_lab.render.files import File
from chatmail_lab.render.systemd import script_paths, unit_path

# what a unit reads when it starts, by the beginning of the path; others may read anything
READS: Mapping[str, str] = {
    "chatmail-accounts": "/etc/chatmail/settings.json",
    "chatmail-connections": "/etc/chatmail/connections.nft",
    "chatmail-filter": "/etc/chatmail/settings.json",
    "chatmail-transport": "/etc/chatmail/settings.json",
    "coturn": "/etc/turnserver.conf",
    "dovecot": "/etc/dovecot/",
    "nginx": "/etc/nginx/",
    "postfix": "/etc/postfix/",
    "unbound": "/etc/unbound/",
}


def inventory(files: Iterable[File], programs: str) -> dict[str, str]:
    """Digests of what a description makes of a host, by path.

    Args:
        files: what is rendered.
        programs: the digest of our own programs, which count as one.
    """
    found = {file.path: hashlib.sha256(repr(file).encode()).hexdigest() for file in files}
    return found | {PACKAGES: programs}


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> frozenset[str]:
    """Paths of what is new, gone or different in an inventory."""
    return frozenset(path for path in {*before, *after} if before.get(path) != after.get(path))


def concerns(unit: str, paths: Collection[str]) -> bool:
    """Whether a service has to be restarted after these files changed."""
    own = {unit_path(f"{unit}.service"), *script_paths(unit), PACKAGES}
    return any(path in own or path.startswith(READS.get(unit, "/")) for path in paths)
