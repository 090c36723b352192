"""VERSION is the version of every package: pyproject.toml, nix and `--version` read it."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
VERSION = CHECKOUT / "VERSION"
SOURCES = [str(folder) for folder in sorted((CHECKOUT / "pkgs").glob("*/src"))]
# packages of other people's programs
FOREIGN = {"iroh-relay"}
PROJECTS = sorted((CHECKOUT / "pkgs").glob("*/pyproject.toml"))


@pytest.mark.parametrize("project", PROJECTS, ids=lambda file: file.parent.name)
def test_a_package_has_no_version_of_its_own(project: Path) -> None:
    """setuptools reads the link beside its modules, which a wheel has as a file."""
    settings = tomllib.loads(project.read_text())
    [link] = project.parent.glob("src/*/VERSION")
    module = link.parent.name

    assert settings["project"]["dynamic"] == ["version"]
    dynamic = settings["tool"]["setuptools"]["dynamic"]
    assert dynamic == {"version": {"file": f"src/{module}/VERSION"}}
    assert "VERSION" in settings["tool"]["setuptools"]["package-data"][module]
    assert link.resolve() == VERSION


@pytest.mark.parametrize("project", PROJECTS, ids=lambda file: file.parent.name)
def test_its_programs_tell_it(project: Path) -> None:
    """From a checkout, too, where nothing is installed."""
    scripts = tomllib.loads(project.read_text())["project"].get("scripts", {})
    for name, target in scripts.items():
        module, _, function = target.partition(":")
        code = f"from {module} import {function}; {function}()"
        done = subprocess.run(
            [sys.executable, "-c", code, "--version"],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(SOURCES)},
        )

        assert done.stdout == f"{name} {VERSION.read_text()}"


def test_nix_files_name_no_version() -> None:
    """Those of our packages read the file."""
    files = (CHECKOUT / "pkgs").glob("**/*.nix")
    texts = [file.read_text() for file in files if file.parent.name not in FOREIGN]

    assert re.findall(r"(?m)^ *version = \".*$", "\n".join(texts)) == []
