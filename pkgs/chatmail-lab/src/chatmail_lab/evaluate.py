"""The description, evaluated by the nix of the shared root: no nixpkgs, no store, no network."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatmail_lab.chamber import run_in_root, seen, unseen
from chatmail_lab.checkout import checkout, nix_directory
from chatmail_lab.errors import CommandError, LabError
from chatmail_lab.guests import CERTIFICATE_FILE, KEY_FILE
from chatmail_lab.programs import PATHS

# pure evaluation: no store is read or written
_STORE = "NIX_REMOTE=dummy://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A relay as data.

    `config` is the merged NixOS-shaped configuration; `pages` is what its web pages are built
    from, with paths as the shared root sees them.
    """

    config: Mapping[str, Any]
    settings: Mapping[str, Any]
    zone: Sequence[Mapping[str, Any]]
    pages: Mapping[str, Any] | None

    @classmethod
    def from_json(cls, relay: Mapping[str, Any]) -> "Description":
        """One relay of the answer of evaluate.nix."""
        return cls(
            config=_unseen(relay["config"]),
            settings=_unseen(relay["settings"]),
            zone=_unseen(relay["zone"]),
            pages=relay["pages"],
        )


def nix_eval(root: Path, arguments: Sequence[str]) -> str:
    """JSON text of a Nix expression's value: `arguments` as for nix-instantiate.

    Raises:
        LabError: the evaluation failed; with Nix's own message.
    """
    nix = ["nix-instantiate", "--eval", "--strict", "--json", *arguments]
    try:
        return run_in_root(root, ["env", _STORE, *nix]).stdout
    except CommandError as error:
        said = unseen(error.output)
        # Nix tells the way first and the error last
        start = said.rfind("error:")
        raise LabError(f"the configuration does not evaluate: {said[max(start, 0) :]}") from error


def evaluate_expression(root: Path, expression: str) -> str:
    """JSON text of a Nix expression that may use the lab's `lib`."""
    library = seen(nix_directory() / "lib.nix")
    text = f"let lib = import {library}; in ({expression})"
    return unseen(nix_eval(root, ["--expr", text])).strip()


def default_values(domain: str) -> dict[str, Any]:
    """Values of services.chatmail for a relay of the lab; the operator's own go before them."""
    values: dict[str, Any] = {"enable": True, "domain": domain}
    if has_trusted_certificate(domain):
        values["tls"] = {"certificateFile": CERTIFICATE_FILE, "keyFile": KEY_FILE}
    return values


def has_trusted_certificate(domain: str) -> bool:
    """Whether an authority would give this name a certificate: no address, no `_`."""
    return not domain.startswith("_") and not domain.replace(".", "").isdigit()


def evaluate(
    root: Path,
    relays: Mapping[str, Mapping[str, Any]],
    *,
    config: Path | None,
    name_servers: Sequence[str] = (),
) -> dict[str, dict[str, Any]]:
    """What evaluate.nix says about each relay; `relays` are values of services.chatmail by domain.

    Raises:
        LabError: the configuration does not evaluate.
    """
    request = {
        "modules": seen(checkout() / "modules/chatmail"),
        "config": None if config is None else seen(config),
        "nameServers": name_servers,
        "programs": PATHS,
        "relays": relays,
    }
    script = seen(nix_directory() / "evaluate.nix")
    answer: dict[str, dict[str, Any]] = json.loads(
        nix_eval(root, [script, "--argstr", "request", json.dumps(request)])
    )
    return answer


def describe(
    root: Path, domains: Sequence[str], *, config: Path | None, name_servers: Sequence[str]
) -> dict[str, Description]:
    """The descriptions of relays by domain, with the operator's extra configuration merged in.

    Raises:
        LabError: the configuration does not evaluate, or an assertion fails.
    """
    values = {domain: default_values(domain) for domain in domains}
    answer = evaluate(root, values, config=config, name_servers=name_servers)
    for domain, relay in answer.items():
        if relay["failures"]:
            raise LabError(f"{domain}: " + "\n".join(relay["failures"]))
    return {domain: Description.from_json(relay) for domain, relay in answer.items()}


def _unseen(value: Any) -> Any:
    """A value with the paths of this machine as they are."""
    if isinstance(value, dict):
        return {key: _unseen(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unseen(item) for item in value]
    return unseen(value) if isinstance(value, str) else value
