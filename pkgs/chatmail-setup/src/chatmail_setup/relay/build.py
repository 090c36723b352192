"""The Nix derivation with the builder `rewrite`; it needs neither nixpkgs nor a network."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from chatmail_upgrade import process

from chatmail_setup.setup_file import Mistakes, read_first

# a Raspberry Pi Zero 2 reads the whole closure once from its card
DEADLINE_S: Final = 3600.0


class BuildError(RuntimeError):
    """The relay of this domain could not be made; the text is the end of Nix' output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The relay to make; `base` is the image's system, which holds the prepared ones.

    `program` is the store path of `chatmail-setup`, which Nix runs as the builder.
    """

    base: Path
    domain: str
    contact: str | None
    program: str

    @classmethod
    def of_file(cls, *, base: Path, files: Sequence[Path], program: str) -> Self:
        """The relay that the first `chatmail.toml` describes.

        Raises:
            BuildError: there is no file, or it has mistakes.
        """
        wanted = read_first(files)
        if isinstance(wanted, Mistakes):
            raise BuildError(" ".join(wanted.sentences))
        return cls(base=base, domain=wanted.domain, contact=wanted.contact, program=program)

    @property
    def prepared(self) -> Path:
        """The prepared system that fits: one of the two shows a contact."""
        name = "relay" if self.contact is None else "relay-with-contact"
        return self.base / "specialisation" / name


def expression(request: Request) -> str:
    """A derivation that makes the system of a domain out of a prepared one."""
    arguments = ["rewrite", "--domain", request.domain]
    if request.contact is not None:
        arguments += ["--contact", request.contact]
    prepared = _store_path(str(request.prepared.resolve()))
    return f"""
      derivation {{
        name = {_quoted(f"nixos-system-{request.domain}")};
        system = builtins.currentSystem;
        builder = {_store_path(request.program)};
        args = [ {" ".join(_quoted(argument) for argument in arguments)} ];
        prepared = {prepared};
        base = {_store_path(str(request.base.resolve()))};
        exportReferencesGraph = [ "graph" ({prepared}) ];
        preferLocalBuild = true;
        allowSubstitutes = false;
      }}
    """


def build(request: Request, *, keep: Path) -> str:
    """Make the relay; the link `keep` protects it from garbage collection.

    Raises:
        BuildError: Nix could not build it.
    """
    keep.parent.mkdir(parents=True, exist_ok=True)
    command = ["nix-build", "--out-link", str(keep), "--expr", expression(request)]
    done = process.run(command, deadline_s=DEADLINE_S)
    if not done.ok:
        raise BuildError(done.tail())
    return done.output.split()[-1]


def _quoted(text: str) -> str:
    # Nix and JSON differ only in `$`, which is in no domain and no e-mail address here
    return json.dumps(text)


def _store_path(path: str) -> str:
    return f"builtins.storePath {_quoted(path)}"
