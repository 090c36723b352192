"""The derivation that Nix builds."""

import os
from pathlib import Path

import pytest

from chatmail_setup.relay.build import BuildError, Request, build, expression

CHAT = "chat.ada.example"


def request_for(base: Path, contact: str | None = None) -> Request:
    return Request(base=base, domain=CHAT, contact=contact, program="/nix/store/p/bin/p")


def test_the_prepared_system_fits_the_contact(tmp_path: Path) -> None:
    """One of the two shows a contact."""
    assert request_for(tmp_path).prepared.name == "relay"
    assert request_for(tmp_path, "ada@mail.example").prepared.name == "relay-with-contact"


def test_the_builder_is_this_program(tmp_path: Path) -> None:
    """With the domain and the contact as arguments."""
    text = expression(request_for(tmp_path, "ada@mail.example"))

    assert 'builder = builtins.storePath "/nix/store/p/bin/p";' in text
    assert '[ "rewrite" "--domain" "chat.ada.example" "--contact" "ada@mail.example" ]' in text


def test_a_failed_build_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the end of Nix' output."""
    (tmp_path / "nix-build").write_text("#!/bin/sh\necho disk full >&2; exit 1\n")
    (tmp_path / "nix-build").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    with pytest.raises(BuildError, match="disk full"):
        build(request_for(tmp_path), keep=tmp_path / "keep")


def test_the_request_is_read_from_the_file(tmp_path: Path) -> None:
    """Its mistakes are an error: an upgrade has no screen."""
    file = tmp_path / "chatmail.toml"
    file.write_text(f'domain = "{CHAT}"')

    made = Request.of_file(base=tmp_path, files=[file], program="/nix/store/p/bin/p")
    assert made == request_for(tmp_path)
    file.write_text('domain = "localhost"')
    with pytest.raises(BuildError, match="not a domain name"):
        Request.of_file(base=tmp_path, files=[file], program="/nix/store/p/bin/p")
