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
from chatmail_lab.plan import NETWORK4, NETWORK6, Host
from chatmail_lab.programs import PATHS

# pure evaluation: no store is read or written
_STORE = "NIX_REMOTE=dummy://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A relay or classic server as data.

    `config` is the merged NixOS-shaped configuration; `pages` is what its web pages are built
    from, with paths as the shared root sees them. `certificate_group` may read the key of the
    certificate that the lab gives it; None where it makes its own. `zone_command` prints what its
    operator publishes; it is empty for one without a domain.
    """

    config: Mapping[str, Any]
    pages: Mapping[str, Any] | None
    certificate_group: str | None
    zone_command: tuple[str, ...]

    @classmethod
    def of_relay(cls, answer: Mapping[str, Any]) -> "Description":
        """One relay of the answer of evaluate.nix."""
        settings = answer["settings"]
        given = settings["tls"]["mode"] == "files"
        return cls(
            config=_unseen(answer["config"]),
            pages=answer["pages"],
            certificate_group=settings["users"]["tlsGroup"] if given else None,
            zone_command=("chatmail", "dns") if answer["zone"] else (),
        )

    @classmethod
    def of_classic(cls, answer: Mapping[str, Any]) -> "Description":
        """One classic server of the answer of evaluate.nix."""
        return cls(
            config=answer["config"],
            pages=None,
            certificate_group="root",
            zone_command=("mailzone",),
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
    values: dict[str, Any] = {
        "enable": True,
        "domain": domain,
        "privateNetworks": [str(NETWORK4), str(NETWORK6)],
    }
    if has_trusted_certificate(domain):
        values["tls"] = {"certificateFile": CERTIFICATE_FILE, "keyFile": KEY_FILE}
    return values


def has_trusted_certificate(domain: str) -> bool:
    """Whether an authority would give this name a certificate: no address, no `_`."""
    return not domain.startswith("_") and not domain.replace(".", "").isdigit()


def evaluate(
    root: Path, relays: Mapping[str, Mapping[str, Any]], *, config: Path | None = None
) -> dict[str, dict[str, Any]]:
    """What evaluate.nix says about each relay; `relays` are values of services.chatmail by domain.

    Raises:
        LabError: the configuration does not evaluate.
    """
    answer: dict[str, dict[str, Any]] = _ask(root, relays=relays, config=config)["relays"]
    return answer


def _ask(
    root: Path,
    *,
    relays: Mapping[str, Mapping[str, Any]],
    config: Path | None,
    classics: Mapping[str, Mapping[str, Any]] | None = None,
    name_servers: Sequence[str] = (),
) -> dict[str, Any]:
    """The answer of evaluate.nix; its header tells what the arguments are."""
    if config is not None and not config.is_file():
        raise LabError(f"{config}: no such file")
    request = {
        "modules": seen(checkout() / "modules/chatmail"),
        "config": None if config is None else seen(config),
        "nameServers": name_servers,
        "programs": PATHS,
        "relays": relays,
        "classics": classics or {},
    }
    script = seen(nix_directory() / "evaluate.nix")
    answer: dict[str, Any] = json.loads(
        nix_eval(root, [script, "--argstr", "request", json.dumps(request)])
    )
    return answer


def describe(root: Path, hosts: Sequence[Host], *, config: Path | None) -> dict[str, Description]:
    """The descriptions of booted hosts by domain.

    The operator's extra configuration is merged into those of the relays.

    Raises:
        LabError: the configuration does not evaluate, or an assertion fails.
    """
    answer = _ask(
        root,
        relays={host.name: default_values(host.name) for host in hosts if host.kind == "relay"},
        classics={host.name: _classic_arguments(host) for host in hosts if host.kind == "classic"},
        config=config,
        name_servers=[
            address for host in hosts if host.kind == "dns" for address in (host.ipv4, host.ipv6)
        ],
    )
    for domain, relay in answer["relays"].items():
        if relay["failures"]:
            raise LabError(f"{domain}: " + "\n".join(relay["failures"]))
    return {
        **{name: Description.of_relay(relay) for name, relay in answer["relays"].items()},
        **{name: Description.of_classic(one) for name, one in answer["classics"].items()},
    }


def _classic_arguments(host: Host) -> dict[str, Any]:
    return {
        "address": {"ipv4": host.ipv4, "ipv6": host.ipv6},
        "certificateFile": CERTIFICATE_FILE,
        "keyFile": KEY_FILE,
    }


def _unseen(value: Any) -> Any:
    """A value with the paths of this machine as they are."""
    if isinstance(value, dict):
        return {key: _unseen(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unseen(item) for item in value]
    return unseen(value) if isinstance(value, str) else value
