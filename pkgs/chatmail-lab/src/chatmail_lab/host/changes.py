"""Which units to restart on a running host after its configuration changed.

NixOS' switch compares units and their `restartTriggers`; here files are compared.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping

from chatmail_lab.image.programs import PACKAGES
from chatmail_lab.render.files import File
from chatmail_lab.render.systemd import script_paths, unit_path

# what a unit reads at its start, by path prefix; a unit that is not listed may read any file
READS: Mapping[str, str] = {
    "chatmail-accounts": "/etc/chatmail/settings.json",
    "chatmail-connections": "/etc/chatmail/connections.nft",
    "chatmail-filter": "/etc/chatmail/settings.json",
    "chatmail-forward": "/etc/chatmail/settings.json",
    "chatmail-transport": "/etc/chatmail/settings.json",
    "coturn": "/etc/turnserver.conf",
    "dovecot": "/etc/dovecot/",
    "nginx": "/etc/nginx/",
    "postfix": "/etc/postfix/",
    "unbound": "/etc/unbound/",
    "wg-quick-chatmail": "/etc/wireguard/",
}


def digests(files: Iterable[File], programs: str) -> dict[str, str]:
    """Return the digest of each file of a host, by path.

    Args:
        files: The rendered files.
        programs: The digest of our own programs, which count as one file.
    """
    found = {file.path: hashlib.sha256(repr(file).encode()).hexdigest() for file in files}
    return found | {PACKAGES: programs}


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> frozenset[str]:
    """Return the paths of files that are new, gone or different."""
    return frozenset(path for path in {*before, *after} if before.get(path) != after.get(path))


def needs_restart(unit: str, changed_paths: Collection[str]) -> bool:
    """Return whether a service must restart after these files changed."""
    own = {unit_path(f"{unit}.service"), *script_paths(unit), PACKAGES}
    return any(path in own or path.startswith(READS.get(unit, "/")) for path in changed_paths)
