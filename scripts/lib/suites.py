"""The checks that scripts/test runs: their names, their commands, and how results are counted."""

from __future__ import annotations

import dataclasses
import os
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labs import CHECKOUT, python
from sandbox import confined

REPORTS = CHECKOUT / ".cache" / "reports"
SANDBOX = CHECKOUT / ".cache" / "sandbox"
# programs that a package declares for its unit tests (checkInputs in its default.nix)
TOOLS = {"chatmail-install": ["git"], "chatmail-lab": ["unshare"]}
LAB_NAME = "test"
SECOND_LAB_NAME = "test2"
RELAYS = ("a.test", "b.test")
UNTRUSTED_RELAYS = ("_d.test", "192.0.2.77")  # sign their own certificates
CLASSIC = "c.test"
SCENARIOS = CHECKOUT / "tests" / "e2e"
LAB_CONFIG = SCENARIOS / "lab.nix"
TEST_DEADLINE_S = 60
LAB_TEST_DEADLINE_S = 180  # some start two labs, one after the other
WITHOUT = ["-p", "no:deltachat.testplugin"]  # the plugin of a package that is here for its core
WORKERS = 4  # most of a scenario is waiting, so more than there are cores
BROWSERS = 2  # a browser keeps a core busy
UNIT_DEADLINE_S = 300
WEB_DEADLINE_S = 900
LAB_DEADLINE_S = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How many tests passed and failed; a check that is no pytest counts when it fails."""

    passed: int = 0
    failed: int = 0

    def __add__(self, other: Result) -> Result:
        return Result(passed=self.passed + other.passed, failed=self.failed + other.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One command. `report` is the JUnit file that pytest leaves, None for other programs."""

    title: str
    command: Sequence[str]
    directory: Path = CHECKOUT
    report: Path | None = None
    deadline_s: float = UNIT_DEADLINE_S

    def run(self, *, capture: bool) -> tuple[Result, str]:
        """Runs it; what it printed is returned with `capture`, else shown at once."""
        if self.report is not None:
            self.report.unlink(missing_ok=True)
        try:
            done = subprocess.run(
                self.command,
                cwd=self.directory,
                check=False,
                stdout=subprocess.PIPE if capture else None,
                stderr=subprocess.STDOUT if capture else None,
                text=True,
                errors="replace",
                timeout=self.deadline_s,
                env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            )
        except subprocess.TimeoutExpired as expired:
            said = expired.stdout or b""
            shown = said.decode(errors="replace") if isinstance(said, bytes) else said
            return Result(failed=1), f"{shown}\nnot finished after {self.deadline_s} s\n"
        return self._result(done.returncode), done.stdout or ""

    def _result(self, code: int) -> Result:
        if self.report is None:
            return Result(failed=int(code != 0))
        if not self.report.exists():
            return Result(failed=1)
        result = _counted(self.report)
        # an interrupted or broken run has no failed test, but is no success either; 5: no tests
        return result if code == 0 or result.failed else result + Result(failed=1)


def _counted(report: Path) -> Result:
    passed = failed = 0
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own pytest wrote it
        outcomes = {child.tag for child in case}
        failed += bool(outcomes & {"failure", "error"})
        passed += not outcomes & {"failure", "error", "skipped"}
    return Result(passed=passed, failed=failed)


def _tool(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else name


def _pytest(title: str, directory: Path, *arguments: str, deadline_s: float) -> Suite:
    report = REPORTS / f"{title.replace(' ', '-').replace('/', '-')}.xml"
    options = ["-q", "--junitxml", str(report), "--timeout", str(TEST_DEADLINE_S), *WITHOUT]
    return Suite(
        title=title,
        command=[sys.executable, "-m", "pytest", *options, *arguments],
        directory=directory,
        report=report,
        deadline_s=deadline_s,
    )


def fast_suites() -> list[Suite]:
    """Style, types and unit tests: without root, lab and network."""
    units = sorted((CHECKOUT / "pkgs").glob("*/tests"))
    return [
        _types(),
        *(_units(tests) for tests in units if any(tests.rglob("test_*.py"))),
        _pytest("scripts of workflows", CHECKOUT, "tests/ci", deadline_s=UNIT_DEADLINE_S),
        _pytest("documents", CHECKOUT, "tests/docs", deadline_s=UNIT_DEADLINE_S),
        Suite(title="lint", command=[_tool("ruff"), "check"]),
        Suite(title="format", command=[_tool("ruff"), "format", "--check"]),
    ]


def _types() -> Suite:
    """Types, package by package: test files of two packages may have the same name."""
    packages = sorted(file.parent for file in (CHECKOUT / "pkgs").glob("*/pyproject.toml"))
    places = [*([package] for package in packages), [CHECKOUT / "scripts/lib", CHECKOUT / "tests"]]
    mypy = [_tool("mypy"), "--python-executable", sys.executable]
    runs = [shlex.join([*mypy, *map(str, place)]) for place in places]
    script = "".join(f"{run} || failed=1\n" for run in runs)
    return Suite(title="types", command=["sh", "-c", f"{script}exit ${{failed:-0}}"])


def _units(tests: Path) -> Suite:
    """Unit tests of a package, as where nixpkgs builds it."""
    package = tests.parent
    title = f"unit tests of {package.name}"
    suite = _pytest(title, package, str(tests), deadline_s=UNIT_DEADLINE_S)
    command = confined(SANDBOX, TOOLS.get(package.name, []), suite.command[1:])
    return dataclasses.replace(suite, command=command)


def web_suites() -> list[Suite]:
    """The web pages in a real browser, with what tests/web/install-tools installs."""
    options = [str(CHECKOUT / "tests" / "web"), "-n", str(BROWSERS)]
    return [_pytest("web pages in a browser", CHECKOUT, *options, deadline_s=WEB_DEADLINE_S)]


def evaluation_suites() -> list[Suite]:
    """Tests of the description, with nix, postconf and doveconf of the lab's Debian root."""
    directory = CHECKOUT / "tests" / "nix"
    if not any(directory.rglob("test_*.py")):
        return []
    return [_pytest("evaluation tests", CHECKOUT, str(directory), deadline_s=UNIT_DEADLINE_S)]


def lab_suites() -> list[Suite]:
    """Tests of the lab itself, which start and end labs of their own."""
    options = [str(CHECKOUT / "tests" / "lab"), "--timeout", str(LAB_TEST_DEADLINE_S)]
    return [_pytest("tests of the lab", CHECKOUT, *options, deadline_s=LAB_DEADLINE_S)]


def quiet_scenarios(lab: str) -> Suite:
    """What leaves the relays as they are: many at a time."""
    chosen = ["-m", "not disturbs and not measures", "-n", str(WORKERS)]
    return _scenarios("scenarios", lab, SCENARIOS, *chosen)


def disturbing_files() -> list[Path]:
    """The files with scenarios that stop or cut off hosts."""
    files = sorted(SCENARIOS.glob("test_*.py"))
    return [file for file in files if "pytest.mark.disturbs" in file.read_text()]


def disturbing_scenarios(lab: str, file: Path) -> Suite:
    """Those of one file: one after the other."""
    return _scenarios(file.stem.removeprefix("test_"), lab, file, "-m", "disturbs")


def measuring_scenarios(lab: str) -> Suite:
    """What needs the machine for itself."""
    return _scenarios("scenarios that measure", lab, SCENARIOS, "-m", "measures", "-v")


def _scenarios(title: str, lab: str, tests: Path, *arguments: str) -> Suite:
    options = [
        *("--lab", lab, "--relays", ",".join(RELAYS)),
        *("--classic", CLASSIC, "--untrusted", ",".join(UNTRUSTED_RELAYS)),
    ]
    suite = _pytest(title, CHECKOUT, str(tests), *options, *arguments, deadline_s=LAB_DEADLINE_S)
    return dataclasses.replace(suite, command=python(lab, *suite.command[1:]))
