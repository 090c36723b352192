"""Declared packages are the imported ones, and docs/nixpkgs-interfaces.md lists them all."""

import ast
import pathlib
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator

import pytest
from nixtest.checkout import CHECKOUT, tracked

# import -> package, if the names differ
PACKAGES = {
    "PIL": "pillow",
    "dkim": "dkimpy",
    "dns": "dnspython",
    "markupsafe": "jinja2",  # jinja2 returns its types
    "nacl": "pynacl",
    "zxingcpp": "zxing-cpp",
}
# modules of our tests, and those that pytest creates
OURS = {"conftest", "delta_chat", "filter", "machines", "nixtest", "reference", "tests", "webtest"}
# used without an import: plugins of pytest, programs
UNSEEN = {"mypy", "pytest-timeout", "pytest-xdist", "ruff"}
# installed by pip only: bindings that nixpkgs does not have, and programs
PIP_ALONE = {"cmping", "cmrelayinfo", "deltachat", "deltachat-rpc-server"}
PROGRAMS = sorted((CHECKOUT / "pkgs").glob("*/pyproject.toml"))
COURIER = CHECKOUT / "tests/nixos/support/courier.nix"
ENVIRONMENT = CHECKOUT / "tests/python.nix"
LIST = CHECKOUT / "docs/nixpkgs-interfaces.md"


def _code(file: pathlib.Path) -> str:
    """The text of a Nix file without comments."""
    return re.sub(r"(?m)(^|\s)#.*$", "", file.read_text())


def _imports(*places: pathlib.Path) -> set[str]:
    """Packages that the Python files in these places import, also inside functions."""
    files = [
        file for place in places for file in ([place] if place.is_file() else place.rglob("*.py"))
    ]
    modules = {name.partition(".")[0] for file in files for name in _imported(file)}
    # scripts import each other by the names of files and folders
    scripts = [file for file in files if CHECKOUT / "pkgs" not in file.parents]
    neighbours = {name for file in scripts for name in (file.stem, file.parent.name)}
    foreign = modules - sys.stdlib_module_names - OURS - neighbours
    return {
        PACKAGES.get(name, name.replace("_", "-"))
        for name in foreign
        if not name.startswith("chatmail")
    }


def _imported(file: pathlib.Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def _names(requirements: Iterable[str]) -> set[str]:
    return {re.split(r"[=<>\[ ;]", line, maxsplit=1)[0] for line in requirements}


def _flat(file: pathlib.Path) -> set[str]:
    """Packages of tests/python.nix, as attributes and as strings."""
    return set(re.findall(r"(?:\bpackages\.|\")([a-z][\w-]+)\b(?!\.)", _code(file)))


@pytest.mark.parametrize("project", PROGRAMS, ids=lambda file: file.parent.name)
def test_a_program_declares_what_it_imports(project: pathlib.Path) -> None:
    """And no other package, which a relay would install for nothing."""
    declared = _names(tomllib.loads(project.read_text())["project"]["dependencies"])

    assert declared - UNSEEN == _imports(project.parent / "src") - UNSEEN


@pytest.mark.parametrize("project", PROGRAMS, ids=lambda file: file.parent.name)
def test_unit_tests_declare_what_they_import(project: pathlib.Path) -> None:
    """In `checkInputs`, besides the dependencies of the program."""
    declared = _names(tomllib.loads(project.read_text())["project"]["dependencies"])
    further = set(
        re.findall(r"python3Packages\.([a-z][\w-]+)", _code(project.with_name("default.nix")))
    )

    wanted = _imports(project.parent / "tests") - {"pytest"}
    assert wanted - declared == further - declared


def test_courier_declares_what_the_suite_imports() -> None:
    """NixOS test machines run the acceptance suite with it."""
    given = set(re.findall(r"\bpackages\.([a-z][\w-]+)", _code(COURIER)))

    sources = ("tests/e2e", "pkgs/chatmail-testkit/src")
    imported = _imports(*(CHECKOUT / name for name in sources), COURIER.with_suffix(".py"))
    assert given - UNSEEN == imported


def test_the_development_shell_has_every_import() -> None:
    """It has the same packages as tests/requirements.txt."""
    given = _flat(ENVIRONMENT)
    pip = _names((CHECKOUT / "tests/requirements.txt").read_text().splitlines()) - {"#", ""}
    used = _imports(*(CHECKOUT / name for name in ("pkgs", "scripts", "tests")))

    assert given == pip - PIP_ALONE
    assert used - given == {"atheris"} & used  # for fuzzing, started by hand


def test_the_agreement_check_imports_no_package() -> None:
    """It runs with python3 only."""
    assert _imports(CHECKOUT / "tests/nixos/agreement") == set()


def test_the_list_names_every_package() -> None:
    """An upgrade of nixpkgs reads this list; unused packages are not in it."""
    section = LIST.read_text().partition("\n## Packages\n")[2].partition("\n## ")[0]
    listed = {
        word for row in re.findall(r"(?m)^\| (.*?) \|", section) for word in row.split("`")[1::2]
    }
    listed = {word for words in listed for word in words.split()}

    assert listed == set(_named())


def _named() -> Iterator[str]:
    """Attributes of `pkgs`, arguments of our packages, and `python3Packages.x`."""
    own = {"chatmailPackages", "callPackage", "buildPackages", "lib", "stdenv", "path"}
    for file in tracked("*.nix"):
        code = _code(file)
        found = set(re.findall(r"(?<![\w.-])pkgs(?:\.| \? )([a-z][\w-]*)", code))
        if file.parent.parent == CHECKOUT / "pkgs" and file.name == "default.nix":
            arguments = code[code.index("{") + 1 : code.index("}:")]
            found |= set(re.findall(r"([a-z][\w-]*)", re.sub(r"\?[^,]*", "", arguments)))
        yield from found - own - {"python3Packages"}
        yield from (f"python3Packages.{name}" for name in _of_python(file, code))
    for project in PROGRAMS:
        declared = _names(tomllib.loads(project.read_text())["project"]["dependencies"])
        yield from (f"python3Packages.{name}" for name in declared)


def _of_python(file: pathlib.Path, code: str) -> set[str]:
    if file == ENVIRONMENT:
        return _flat(file)
    pattern = (
        r"\b(?:python3Packages|packages)\." if "withPackages" in code else r"\bpython3Packages\."
    )
    return set(re.findall(rf"{pattern}([a-z][\w-]*)", code))
