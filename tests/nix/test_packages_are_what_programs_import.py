"""Packages of nixpkgs that our Nix files name, what Python files import, and what the list says."""

import ast
import pathlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator

import pytest
from nixtest.relay import CHECKOUT

# import -> package, where it is another name
PACKAGES = {
    "PIL": "pillow",
    "dkim": "dkimpy",
    "dns": "dnspython",
    "markupsafe": "jinja2",  # whose strings are of its types
    "nacl": "pynacl",
    "zxingcpp": "zxing-cpp",
}
# modules of ours, by whose folders tests are found, or which pytest makes
OURS = {"conftest", "delta_chat", "filter", "machines", "nixtest", "reference", "tests", "webtest"}
# what is used without being imported: plugins of pytest, programs
UNSEEN = {"mypy", "pytest-timeout", "pytest-xdist", "ruff"}
# in the list of pip alone: bindings that nixpkgs has not; a program; and what only relays need
PIP_ALONE = {"deltachat", "deltachat-rpc-server"}
PROGRAMS = sorted((CHECKOUT / "pkgs").glob("*/pyproject.toml"))
COURIER = CHECKOUT / "tests/nixos/support/courier.nix"
ENVIRONMENT = CHECKOUT / "tests/python.nix"
LIST = CHECKOUT / "docs/nixpkgs-interfaces.md"


def _code(file: pathlib.Path) -> str:
    """Text of a Nix file without comments."""
    return re.sub(r"(?m)(^|\s)#.*$", "", file.read_text())


def _tracked(*patterns: str) -> list[pathlib.Path]:
    command = ["git", "-c", f"safe.directory={CHECKOUT}", "ls-files", "-z", "--", *patterns]
    listed = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    return [CHECKOUT / name for name in listed.stdout.split("\0") if name]


def _imports(*places: pathlib.Path) -> set[str]:
    """Packages that the Python files at these places import, wherever in a file."""
    files = [
        file for place in places for file in ([place] if place.is_file() else place.rglob("*.py"))
    ]
    modules = {name.partition(".")[0] for file in files for name in _imported(file)}
    # scripts import each other by name, packages do not
    scripts = [file for file in files if CHECKOUT / "pkgs" not in file.parents]
    beside = {file.stem for file in scripts}
    foreign = modules - sys.stdlib_module_names - OURS - beside
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
    """Packages of tests/python.nix, by their attributes and by their names."""
    return set(re.findall(r"(?:\bpackages\.|\")([a-z][\w-]+)\b(?!\.)", _code(file)))


@pytest.mark.parametrize("project", PROGRAMS, ids=lambda file: file.parent.name)
def test_a_program_declares_what_it_imports(project: pathlib.Path) -> None:
    """And nothing else: each is more for a relay to load."""
    declared = _names(tomllib.loads(project.read_text())["project"]["dependencies"])

    assert declared - UNSEEN == _imports(project.parent / "src") - UNSEEN


@pytest.mark.parametrize("project", PROGRAMS, ids=lambda file: file.parent.name)
def test_unit_tests_have_what_they_import(project: pathlib.Path) -> None:
    """In `checkInputs`, beside the program's own."""
    declared = _names(tomllib.loads(project.read_text())["project"]["dependencies"])
    further = set(
        re.findall(r"python3Packages\.([a-z][\w-]+)", _code(project.with_name("default.nix")))
    )

    wanted = _imports(project.parent / "tests") - {"pytest"}
    assert wanted - declared == further - declared


def test_the_courier_has_what_the_suite_imports() -> None:
    """Test machines run the acceptance suite."""
    given = set(re.findall(r"\bpackages\.([a-z][\w-]+)", _code(COURIER)))

    sources = ("tests/e2e", "pkgs/chatmail-testkit/src")
    imported = _imports(*(CHECKOUT / name for name in sources), COURIER.with_suffix(".py"))
    assert given - UNSEEN == imported


def test_the_shell_has_what_anything_imports() -> None:
    """It is what pip installs elsewhere, and what our programs need."""
    given = _flat(ENVIRONMENT)
    pip = _names((CHECKOUT / "tests/requirements.txt").read_text().splitlines()) - {"#", ""}
    used = _imports(*(CHECKOUT / name for name in ("pkgs", "scripts", "tests")))

    assert given == pip - PIP_ALONE
    assert used - given == {"atheris"} & used  # fuzzing, by hand


def test_what_runs_on_bare_python_imports_nothing() -> None:
    """The check `agreement` has python3 alone."""
    assert _imports(CHECKOUT / "tests/nixos/agreement") == set()


def test_the_list_names_every_package() -> None:
    """Whoever moves the pin knows what to look for; what is not used any more is not listed."""
    section = LIST.read_text().partition("\n## Packages\n")[2].partition("\n## ")[0]
    listed = {
        word for row in re.findall(r"(?m)^\| (.*?) \|", section) for word in row.split("`")[1::2]
    }
    listed = {word for words in listed for word in words.split()}

    assert listed == set(_named())


def _named() -> Iterator[str]:
    """Attributes of `pkgs`, arguments of our packages, and Python's as `python3Packages.x`."""
    own = {"chatmailPackages", "callPackage", "buildPackages", "lib", "stdenv", "path"}
    for file in _tracked("*.nix"):
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
