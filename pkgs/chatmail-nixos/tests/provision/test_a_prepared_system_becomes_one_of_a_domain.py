"""`rewrite` on a small store made of files."""

import json
from pathlib import Path

import pytest

from chatmail_nixos.provision.rewrite import (
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
    """Store paths in a temporary folder that is reached as /nix/store/... in their contents."""

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
    """A store whose folder the rewriter takes for /nix/store."""
    import re

    root = tmp_path / "store"
    root.mkdir()
    pattern = re.compile(re.escape(str(root)).encode() + rb"/([0-9a-z]{32})-")
    monkeypatch.setattr("chatmail_nixos.provision.rewrite._STORE_PATH", pattern)
    return Store(root)


@pytest.fixture
def system(store: Store) -> Path:
    """A system of a unit that names the placeholder, a link farm, a program, and web pages."""
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
    """The same system for a domain."""
    out = tmp_path / "out"
    rewrite(system=system, graph=store.graph, domain=DOMAIN, contact="ada@mail.example", out=out)
    return out


def test_the_domain_stands_everywhere(made: Path, store: Store) -> None:
    """In contents, file names and link targets; the placeholder nowhere."""
    unit = made / "etc" / "systemd" / f"acme-{DOMAIN}.service"

    assert unit.read_text() == f"ExecStart={store.path('0', 'postfix')} ada@mail.example\n"
    for entry in made.rglob("*"):
        assert PLACEHOLDER not in str(entry)
        if entry.is_file():
            assert PLACEHOLDER.encode() not in entry.read_bytes()


def test_a_dot_stays_escaped_in_a_pattern(made: Path) -> None:
    """What matched the placeholder alone matches the domain alone."""
    settings = json.loads((made / "etc" / "settings.json").read_text())

    assert settings == {"domain": DOMAIN, "pattern": "chat\\.ada\\.example"}


def test_what_does_not_change_stays_where_it_is(made: Path, store: Store) -> None:
    """Programs are shared with the prepared system."""
    assert (made / "kernel").readlink() == store.path("0", "postfix")


def test_the_system_knows_its_own_place(made: Path, system: Path) -> None:
    """Its start script runs the new system, and stays executable."""
    assert (made / "init").read_text() == f"#!/bin/sh\nexec {made}/activate\n"
    assert (made / "init").stat().st_mode & 0o111


def test_the_pages_are_made_anew(made: Path) -> None:
    """A QR code cannot be rewritten: the page builder gets the new settings."""
    assert json.loads((made / "www" / "index.html").read_text())["domain"] == DOMAIN


def test_a_binary_file_that_names_the_domain_is_an_error(
    store: Store, tmp_path: Path, system: Path
) -> None:
    """Rather no system than one that is half of another domain."""
    bad = store.add(store.path("5", "bad"))
    bad.write_bytes(b"\0" + PLACEHOLDER.encode())

    with pytest.raises(RewriteError, match="no text"):
        rewrite(system=system, graph=store.graph, domain=DOMAIN, contact=None, out=tmp_path / "o")


def test_failing_pages_are_an_error(store: Store, tmp_path: Path, system: Path) -> None:
    """The builder's own words are told."""
    store.path("4", "make-pages").write_text("#!/bin/sh\necho broken >&2; exit 1\n")

    with pytest.raises(RewriteError, match="broken"):
        rewrite(system=system, graph=store.graph, domain=DOMAIN, contact=None, out=tmp_path / "o")


def test_the_graph_of_nix_is_read() -> None:
    """Path, deriver, number of references, references; a reference to itself is no edge."""
    text = "/nix/store/a\n\n0\n/nix/store/b\n/nix/store/b.drv\n2\n/nix/store/a\n/nix/store/b\n"

    assert read_graph(text) == {
        "/nix/store/a": frozenset(),
        "/nix/store/b": frozenset({"/nix/store/a"}),
    }


def test_changes_spread_to_all_users() -> None:
    """A path changes when anything below it does."""
    graph: Graph = {
        "a": frozenset(),
        "b": frozenset("a"),
        "c": frozenset("b"),
        "d": frozenset("x"),
        "x": frozenset(),
    }

    assert changed_paths(graph, frozenset("a")) == frozenset("abc")


def test_the_hash_of_a_store_path() -> None:
    """32 characters after the store's folder."""
    assert store_hash(f"/nix/store/{'a' * 32}-name") == "a" * 32
