"""The description, evaluated by the nix of the shared root: no nixpkgs, no store, no network."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatmail_lab.checkout import checkout, nix_directory
from chatmail_lab.errors import LabError
from chatmail_lab.guests import CERTIFICATE_FILE, KEY_FILE
from chatmail_lab.root import HOST_VIEW

TIMEOUT_S = 60

# what the units run, as Debian has it
PROGRAMS: Mapping[str, str | None] = {
    "chatmaild": "/usr/bin/chatmaild",
    "chatmail": "/usr/bin/chatmail",
    "instantIdle": "/usr/lib/chatmail/instant-idle.so",
    "openssl": "/usr/bin/openssl",
    "shell": "/bin/sh",
    "systemctl": "/usr/bin/systemctl",
    "www": None,
}

# Nix reads the machine's files through the root's view of them.
_SCRIPT = """
mount --rbind / "$1/$2"
mount --rbind /proc "$1/proc"
root=$1
shift 2
exec chroot "$root" env -i PATH=/usr/bin:/bin HOME=/nonexistent NIX_REMOTE=dummy:// LC_ALL=C.UTF-8 "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A relay as data: the merged configuration, the settings, the records to publish."""

    config: Mapping[str, Any]
    settings: Mapping[str, Any]
    zone: Sequence[Mapping[str, Any]]


def nix_eval(root: Path, arguments: Sequence[str]) -> str:
    """JSON text of `nix-instantiate --eval --strict --json ARGUMENTS`; paths are as `seen` gives them.

    Raises:
        LabError: the evaluation failed; with Nix's own message.
    """
    nix = ["nix-instantiate", "--eval", "--strict", "--json", *arguments]
    done = subprocess.run(
        [
            *("unshare", "--mount", "--propagation=private"),
            *("sh", "-ec", _SCRIPT, "evaluate", str(root), HOST_VIEW, *nix),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.replace(f"/{HOST_VIEW}/", "/").strip()
        raise LabError(f"the configuration does not evaluate:\n{said}")
    return done.stdout


def seen(path: Path) -> str:
    """A path of this machine as Nix sees it in the root."""
    return f"/{HOST_VIEW}{path.resolve()}"


def default_values(domain: str) -> dict[str, Any]:
    """Values of services.chatmail for a relay of the lab; the operator's own go before them."""
    values: dict[str, Any] = {"enable": True, "domain": domain}
    if not domain.startswith("_") and not domain.replace(".", "").isdigit():
        values["tls"] = {"certificateFile": CERTIFICATE_FILE, "keyFile": KEY_FILE}
    return values


def describe(
    root: Path, domains: Sequence[str], *, config: Path | None, name_servers: Sequence[str]
) -> dict[str, Description]:
    """The descriptions of relays by domain, with the operator's extra configuration merged in.

    Raises:
        LabError: the configuration does not evaluate, or an assertion fails.
    """
    if config is not None and not config.is_file():
        raise LabError(f"{config}: no such file")
    request = {
        "modules": seen(checkout() / "modules/chatmail"),
        "config": None if config is None else seen(config),
        "nameServers": name_servers,
        "programs": PROGRAMS,
        "relays": {domain: default_values(domain) for domain in domains},
    }
    arguments = [seen(nix_directory() / "evaluate.nix"), "--argstr", "request", json.dumps(request)]
    raw: dict[str, Any] = _unseen(json.loads(nix_eval(root, arguments)))
    for domain, relay in raw.items():
        if relay["failures"]:
            raise LabError(f"{domain}: " + "\n".join(relay["failures"]))
    return {
        domain: Description(
            config=relay["config"], settings=relay["settings"], zone=relay["zone"]
        )
        for domain, relay in raw.items()
    }


def _unseen(value: Any) -> Any:
    """A value with the paths of this machine as they are."""
    if isinstance(value, dict):
        return {key: _unseen(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unseen(item) for item in value]
    if isinstance(value, str):
        return value.replace(f"/{HOST_VIEW}/", "/")
    return value
