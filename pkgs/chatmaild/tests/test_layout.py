"""The house: where code stands, how large its files are, and that tests stand where it does."""

import ast
import pathlib
from collections.abc import Iterator

import chatmaild

SOURCE = pathlib.Path(chatmaild.__file__).parent
TESTS = pathlib.Path(__file__).parent
MOST_LINES = 300
MOST_FILES = 12
UNITS = {"accounts", "directory", "expire", "filter", "monitor", "operator", "transport"}
# what a unit takes from another one: the rules of accounts, and the operator does everybody's work
TAKEN = {
    "directory": {"accounts"},
    "expire": {"accounts.lifecycle"},
    "operator": {"accounts", "directory.placement", "expire", "transport.silence"},
}

# by modules/chatmail/schema.nix
GENERATED = {SOURCE / "settings_types.py"}


def _imports(file: pathlib.Path) -> Iterator[str]:
    """Names of our modules that a file imports, without the package's own."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chatmaild"):
            base = (node.module or "").removeprefix("chatmaild").lstrip(".")
            yield from (f"{base}.{alias.name}".lstrip(".") for alias in node.names)


def test_folders_and_files_are_small() -> None:
    """A place for a change is found in a minute."""
    for folder in [SOURCE, *(path for path in SOURCE.rglob("*") if path.is_dir())]:
        files = [path for path in folder.glob("*.*") if path.suffix in {".py", ".json"}]
        assert len(files) <= MOST_FILES, folder
        for file in set(files) - GENERATED:
            assert len(file.read_text().splitlines()) <= MOST_LINES, file


def test_protocols_and_disk_know_no_unit() -> None:
    """`wire`, `store` and `net` are below the units, `dkim` beside them."""
    for layer in ("wire", "store", "net", "dkim", "metrics"):
        for file in (SOURCE / layer).rglob("*.py"):
            units = {name.partition(".")[0] for name in _imports(file)} & UNITS

            assert not units, file


def test_units_are_apart() -> None:
    """A process does not depend on what another one is made of."""
    for unit in UNITS:
        allowed = (unit, *TAKEN.get(unit, ()))
        for file in (SOURCE / unit).rglob("*.py"):
            for name in _imports(file):
                if name.partition(".")[0] in UNITS:
                    assert f"{name}.".startswith(tuple(f"{a}." for a in allowed)), (file, name)


def test_a_test_stands_where_its_module_does() -> None:
    """`store/test_files_x.py` tests `store/files.py`."""
    for test in TESTS.rglob("test_*.py"):
        folder = SOURCE / test.parent.relative_to(TESTS)
        modules = {path.stem for path in folder.glob("*.py")}
        name = test.stem.removeprefix("test_")

        assert name == "layout" or any(f"{name}_".startswith(f"{m}_") for m in modules), test
