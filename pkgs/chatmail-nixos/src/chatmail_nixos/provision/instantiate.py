"""The Nix derivation whose builder is `rewrite`: it needs no nixpkgs and no network."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from chatmail_nixos import process
from chatmail_nixos.provision.card import Mistakes, first_card, missing, read_card

# a Raspberry Pi Zero 2 reads the whole closure once from its card
DEADLINE_S = 3600.0


class InstantiateError(RuntimeError):
    """The relay of this domain could not be made; the text is the end of Nix' output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to make: `base` is the image's system, which carries the prepared ones."""

    base: Path
    domain: str
    contact: str | None
    program: str

    @classmethod
    def for_card(cls, *, base: Path, cards: Sequence[Path], program: str) -> Self:
        """The relay that the first `chatmail.toml` describes.

        Raises:
            InstantiateError: there is none, or it has mistakes.
        """
        place = first_card(cards)
        if place is None:
            raise InstantiateError(missing(cards))
        read = read_card(place.read_bytes())
        if isinstance(read, Mistakes):
            raise InstantiateError(" ".join(read.sentences))
        return cls(base=base, domain=read.domain, contact=read.contact, program=program)

    @property
    def prepared(self) -> Path:
        """The prepared system that fits: only one of the two shows a contact."""
        name = "relay" if self.contact is None else "relay-with-contact"
        return self.base / "specialisation" / name


def expression(order: Order) -> str:
    """A derivation that makes the system of a domain out of a prepared one."""
    arguments = ["rewrite", "--domain", order.domain]
    if order.contact is not None:
        arguments += ["--contact", order.contact]
    prepared = _stored(str(order.prepared.resolve()))
    return f"""
      derivation {{
        name = {_quoted(f"nixos-system-{order.domain}")};
        system = builtins.currentSystem;
        builder = {_stored(order.program)};
        args = [ {" ".join(_quoted(argument) for argument in arguments)} ];
        prepared = {prepared};
        base = {_stored(str(order.base.resolve()))};
        exportReferencesGraph = [ "graph" ({prepared}) ];
        preferLocalBuild = true;
        allowSubstitutes = false;
      }}
    """


def instantiate(order: Order, *, keep: Path) -> str:
    """Make the relay of a domain; `keep` protects it from garbage collection.

    Raises:
        InstantiateError: Nix could not build it.
    """
    keep.parent.mkdir(parents=True, exist_ok=True)
    done = process.run(
        ["nix-build", "--out-link", str(keep), "--expr", expression(order)], deadline_s=DEADLINE_S
    )
    if not done.ok:
        raise InstantiateError(done.tail())
    return done.output.split()[-1]


def _quoted(text: str) -> str:
    # Nix and JSON differ in `$` alone, which neither a domain nor an address holds
    return json.dumps(text)


def _stored(path: str) -> str:
    return f"builtins.storePath {_quoted(path)}"
