"""`rewrite` on a small store in a temporary directory."""

import json
import re
from pathlib import Path

import pytest

from chatmail_setup.relay.rewrite import (
    RewriteError,
    changed_paths,
    read_graph,
    rewrite,
    store_hash,
)

PLACEHOLDER = "relay.placeholder.invalid"
CONTACT = "operator@placeholder.example"
DOMAIN = "chat.ada.example"
Graph = dict[str, frozenset[str]]


class Store:
    """Store paths in a temporary directory, which replaces /nix/store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.graph: Graph = {}

    def path(self, digit: str, name: str) -> Path:
        return self.root / f"{digit * 32}-{name}"

    def add(self, path: Path, *references: Path) -> Path:
        self.graph[str(path)] = frozenset(str(reference) for reference in references)
        return path


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store that `rewrite` takes for /nix/store."""
    root = tmp_path / "store"
    root.mkdir()
    pattern = re.compile(re.escape(str(root)).encode() + rb"/([0-9a-z]{32})-")
    monkeypatch.setattr("chatmail_setup.relay.rewrite.STORE_PATH", pattern)
    return Store(root)


@pytest.fixture
def system(store: Store) -> Path:
    """A system with a unit that contains the placeholder, links, a program, and web pages."""
    program = store.add(store.path("0", "postfix"))
    program.write_bytes(b"\x7fELF\0 no name in here")
    unit = store.add(store.path("1", f"unit-acme-{PLACEHOLDER}.service"), program)
    unit.mkdir()
    (unit / f"acme-{PLACEHOLDER}.service").write_text(f"ExecStart={program} {CONTACT}\n")
    settings = store.add(store.path("2", "settings.json"))
    settings.write_text(
        json.dumps({"domain": PLACEHOLDER, "pattern": "relay\\.placeholder\\.invalid"})
    )
    pages = store.add(store.path("3", "www"))
    pages.mkdir()
    (pages / "index.html").write_text(f"made for {PLACEHOLDER}")
    builder = store.add(store.path("4", "make-pages"))
    builder.write_text('#!/bin/sh\nmkdir "$4" && cp "$2" "$4/index.html"\n')
    builder.chmod(0o755)
    system = store.path("9", "nixos-system")
    (system / "etc").mkdir(parents=True)
    (system / "etc" / "systemd").symlink_to(unit)
    (system / "etc" / "settings.json").symlink_to(settings)
    (system / "www").symlink_to(pages)
    (system / "kernel").symlink_to(program)
    (system / "init").write_text(f"#!/bin/sh\nexec {system}/activate\n")
    (system / "init").chmod(0o755)
    (system / "etc" / "chatmail-template.json").write_text(
        json.dumps(
            {
                "placeholder": PLACEHOLDER,
                "contact": CONTACT,
                "pages": "www",
                "page_builder": str(builder),
                "settings": str(settings),
            }
        )
    )
    store.add(system, program, unit, settings, pages, builder)
    return system


@pytest.fixture
def made(store: Store, system: Path, tmp_path: Path) -> Path:
    """The system of a domain, made from it."""
    out = tmp_path / "out"
    rewrite(system=system, graph=store.graph, domain=DOMAIN, contact="ada@mail.example", out=out)
    return out


def test_the_domain_replaces_the_placeholder(made: Path, store: Store) -> None:
    """In files, file names and link targets."""
    unit = made / "etc" / "systemd" / f"acme-{DOMAIN}.service"

    assert unit.read_text() == f"ExecStart={store.path('0', 'postfix')} ada@mail.example\n"
    for entry in made.rglob("*"):
        assert PLACEHOLDER not in str(entry)
        if entry.is_file():
            assert PLACEHOLDER.encode() not in entry.read_bytes()


def test_a_dot_stays_escaped_in_a_pattern(made: Path) -> None:
    """The pattern matches only the domain."""
    settings = json.loads((made / "etc" / "settings.json").read_text())

    assert settings == {"domain": DOMAIN, "pattern": "chat\\.ada\\.example"}


def test_unchanged_files_are_shared(made: Path, store: Store) -> None:
    """Programs stay in the prepared system."""
    assert (made / "kernel").readlink() == store.path("0", "postfix")


def test_the_system_refers_to_its_own_path(made: Path, system: Path) -> None:
    """Its start script activates the new system, and is executable."""
    assert (made / "init").read_text() == f"#!/bin/sh\nexec {made}/activate\n"
    assert (made / "init").stat().st_mode & 0o111


def test_the_pages_are_made_again(made: Path) -> None:
    """A QR code cannot be rewritten, so the page builder runs with the new settings."""
    assert json.loads((made / "www" / "index.html").read_text())["domain"] == DOMAIN


def test_a_binary_file_with_the_placeholder_is_an_error(
    store: Store, tmp_path: Path, system: Path
) -> None:
    """It cannot be rewritten."""
    bad = store.add(store.path("5", "bad"))
    bad.write_bytes(b"\0" + PLACEHOLDER.encode())

    with pytest.raises(RewriteError, match="no text"):
        rewrite(system=system, graph=store.graph, domain=DOMAIN, contact=None, out=tmp_path / "o")


def test_failing_pages_are_an_error(store: Store, tmp_path: Path, system: Path) -> None:
    """With the builder's error message."""
    store.path("4", "make-pages").write_text("#!/bin/sh\necho broken >&2; exit 1\n")

    with pytest.raises(RewriteError, match="broken"):
        rewrite(system=system, graph=store.graph, domain=DOMAIN, contact=None, out=tmp_path / "o")


def test_the_graph_of_nix_is_read() -> None:
    """Path, deriver, number of references, references; self-references are dropped."""
    text = "/nix/store/a\n\n0\n/nix/store/b\n/nix/store/b.drv\n2\n/nix/store/a\n/nix/store/b\n"

    assert read_graph(text) == {
        "/nix/store/a": frozenset(),
        "/nix/store/b": frozenset({"/nix/store/a"}),
    }


def test_a_change_spreads_to_all_referrers() -> None:
    """Direct and indirect ones."""
    graph: Graph = {
        "a": frozenset(),
        "b": frozenset("a"),
        "c": frozenset("b"),
        "d": frozenset("x"),
        "x": frozenset(),
    }

    assert changed_paths(graph, frozenset("a")) == frozenset("abc")


def test_the_hash_of_a_store_path() -> None:
    """32 characters after the store directory."""
    assert store_hash(f"/nix/store/{'a' * 32}-name") == "a" * 32
