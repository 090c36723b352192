"""The descriptions of relays and classic servers, evaluated from Nix to data."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from chatmail_lab.description.nix import evaluate_to_json
from chatmail_lab.errors import LabError
from chatmail_lab.host.base_files import CERTIFICATE_FILE, KEY_FILE
from chatmail_lab.image.chroot import path_in_image, paths_on_machine
from chatmail_lab.image.programs import PATHS, dovecot_version
from chatmail_lab.machine.checkout import checkout, nix_directory
from chatmail_lab.plan import NETWORK4, NETWORK6, Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A relay or classic server as data.

    Attributes:
        config: The merged configuration, in the shape of NixOS' options.
        pages: The settings of its web pages; their paths are those of the image.
        certificate_group: The group that may read the key of its certificate, which the lab issues;
            None if the host makes its own certificate or has none.
        zone_command: Prints the DNS records to publish; empty for a relay without a domain.
    """

    config: Mapping[str, Any]
    pages: Mapping[str, Any] | None
    certificate_group: str | None
    zone_command: tuple[str, ...]

    @classmethod
    def of_relay(cls, answer: Mapping[str, Any]) -> "Description":
        """Return the description of one relay in the answer of evaluate.nix."""
        settings, config = answer["settings"], answer["config"]
        group = settings["users"]["tlsGroup"]
        # a store of a cluster has no daemon with TLS
        uses_files = settings["tls"]["mode"] == "files" and group in config["users"]["groups"]
        return cls(
            config=_with_paths_on_machine(config),
            pages=answer["pages"] if config["services"].get("nginx", {}).get("enable") else None,
            certificate_group=group if uses_files else None,
            zone_command=("chatmail", "dns") if answer["zone"] else (),
        )

    @classmethod
    def of_classic(cls, answer: Mapping[str, Any]) -> "Description":
        """Return the description of one classic server in the answer of evaluate.nix."""
        return cls(
            config=answer["config"],
            pages=None,
            certificate_group="root",
            zone_command=("mailzone",),
        )


def default_values(domain: str) -> dict[str, Any]:
    """Return values of services.chatmail for a relay of the lab; an operator's values override."""
    values: dict[str, Any] = {
        "enable": True,
        "domain": domain,
        "privateNetworks": [str(NETWORK4), str(NETWORK6)],
    }
    if has_trusted_certificate(domain):
        values["tls"] = {"certificateFile": CERTIFICATE_FILE, "keyFile": KEY_FILE}
    return values


def has_trusted_certificate(domain: str) -> bool:
    """Return whether an authority would issue a certificate: not for an IP address or a `_`."""
    return not domain.startswith("_") and not domain.replace(".", "").isdigit()


def evaluate(
    image: Path,
    relays: Mapping[str, Mapping[str, Any]],
    *,
    config: Path | None = None,
    programs: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, dict[str, Any]]:
    """Return what evaluate.nix says about each relay.

    Args:
        image: The Debian image.
        relays: Values of services.chatmail by domain.
        config: The operator's own NixOS configuration.
        programs: Replaces facts about the image's programs.

    Raises:
        LabError: The configuration does not evaluate.
    """
    answer = _answer(image, relays=relays, config=config, programs=programs)
    described: dict[str, dict[str, Any]] = answer["relays"]
    return described


def _answer(
    image: Path,
    *,
    relays: Mapping[str, Mapping[str, Any]],
    config: Path | None,
    classics: Mapping[str, Mapping[str, Any]] | None = None,
    name_servers: Sequence[str] = (),
    programs: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the answer of evaluate.nix, whose header explains the arguments."""
    if config is not None and not config.is_file():
        raise LabError(f"{config}: no such file")
    request = {
        "modules": path_in_image(checkout() / "modules/chatmail"),
        "config": None if config is None else path_in_image(config),
        "nameServers": name_servers,
        "programs": {**PATHS, "dovecotVersion": dovecot_version(image), **programs},
        "relays": relays,
        "classics": classics or {},
    }
    script = path_in_image(nix_directory() / "evaluate.nix")
    arguments = [script, "--argstr", "request", json.dumps(request)]
    answer: dict[str, Any] = json.loads(evaluate_to_json(image, arguments))
    return answer


def describe(
    image: Path,
    hosts: Sequence[Host],
    *,
    config: Path | None,
    clusters: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> dict[str, Description]:
    """Return the descriptions of all hosts that boot, by name.

    The operator's configuration, if any, is merged into each relay's.

    Args:
        image: The Debian image.
        hosts: All hosts of the lab.
        config: The operator's own NixOS configuration.
        clusters: Values of services.chatmail.cluster by host, for members of clusters.

    Raises:
        LabError: The configuration does not evaluate, or an assertion fails.
    """
    answer = _answer(
        image,
        relays={
            host.name: default_values(host.domain)
            | ({"cluster": clusters[host.name]} if host.is_member else {})
            for host in hosts
            if host.kind == "relay"
        },
        classics={host.name: _classic_arguments(host) for host in hosts if host.kind == "classic"},
        config=config,
        name_servers=[
            address for host in hosts if host.kind == "dns" for address in (host.ipv4, host.ipv6)
        ],
    )
    for domain, relay in answer["relays"].items():
        if relay["failures"]:
            raise LabError(f"{domain}: " + "\n".join(relay["failures"]))
        for warning in relay["warnings"]:
            print(f"{domain}: warning: {warning}", file=sys.stderr)
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


def _with_paths_on_machine(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_paths_on_machine(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_paths_on_machine(item) for item in value]
    return paths_on_machine(value) if isinstance(value, str) else value
