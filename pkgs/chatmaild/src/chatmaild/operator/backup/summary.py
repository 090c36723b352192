"""What the operator reads about a restore."""

import json
import time

from chatmaild.operator.backup.manifest import Manifest
from chatmaild.operator.backup.restic import Snapshot
from chatmaild.settings import DEFAULT_PATH, Settings
from chatmaild.settings_types import Cluster


def machine_of(found: Cluster | Manifest) -> str:
    """Return what a backup is of, or what this machine is."""
    return "a whole relay" if found.role == "all" else f"the {found.role} {found.machine}"


def summary(settings: Settings, manifest: Manifest, snapshot: Snapshot, count: int) -> list[str]:
    """Return lines for the operator: what came, and the next steps."""
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(manifest.created_s))
    kinds = {"front": "keys and queue", "store": "mail"}
    mail = kinds.get(manifest.role, "mail and queue") if manifest.with_mail else "no mail"
    what = mail if manifest.role == "front" else f"{count} addresses, {mail}"
    lines = [f"restored backup {snapshot.id} of {made}: {what}"]
    if changed := _changed(manifest):
        lines.append(f"settings that differ from those of the backup: {', '.join(changed)}")
    if manifest.role == "store":
        return [*lines, "next: chatmail selftest, here and on a front; then chatmail backup create"]
    return [
        *lines,
        "next:",
        "  1. chatmail selftest --only units --only certificate --only login --only message",
        f"  2. let A and AAAA of {settings.domain} name this machine: chatmail dns --check --watch",
        "  3. chatmail selftest, and chatmail backup create",
    ]


def _changed(manifest: Manifest) -> list[str]:
    """The sections of settings.json that differ; paths and units follow from the version."""
    try:
        here = json.loads(DEFAULT_PATH.read_bytes())
    except (OSError, ValueError):
        return []
    if not isinstance(here, dict) or not manifest.settings:
        return []
    told = ("accounts", "dkim", "limits", "mail", "registration", "retention", "tls", "web")
    return [name for name in told if here.get(name) != manifest.settings.get(name)]
