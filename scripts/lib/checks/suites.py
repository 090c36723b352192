"""The suites of scripts/test: their titles, their commands, and how their results are counted."""

from __future__ import annotations

import dataclasses
import os
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from checks.sandbox import confined
from labs import CHECKOUT, python

REPORTS = CHECKOUT / ".cache" / "reports"
SANDBOX = CHECKOUT / ".cache" / "sandbox"
# Python and pytest compile each file once, and not into the source directories.
BYTECODE = CHECKOUT / ".cache" / "bytecode"
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
WITHOUT = ["-p", "no:deltachat.testplugin"]  # it logs every test; only the core is needed
WORKERS = 4  # more than cores, because scenarios mostly wait
CORES = os.cpu_count() or 1
BROWSERS = 2  # a browser keeps a core busy
# packages whose unit tests take longer than all other suites, and so run in several processes
MANY_TESTS = ("chatmaild",)
UNIT_DEADLINE_S = 300
WEB_DEADLINE_S = 900
LAB_DEADLINE_S = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Numbers of passed and failed tests; a linter counts only when it fails."""

    passed: int = 0
    failed: int = 0

    def __add__(self, other: Result) -> Result:
        return Result(passed=self.passed + other.passed, failed=self.failed + other.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One command; `report` is the JUnit file that pytest writes, None for other programs."""

    title: str
    command: Sequence[str]
    directory: Path = CHECKOUT
    report: Path | None = None
    deadline_s: float = UNIT_DEADLINE_S

    def run(self, *, capture: bool) -> tuple[Result, str]:
        """Run the command; with `capture` return its output, else show it at once."""
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
                env=_environment(),
            )
        except subprocess.TimeoutExpired as expired:
            output = expired.stdout or b""
            shown = output.decode(errors="replace") if isinstance(output, bytes) else output
            return Result(failed=1), f"{shown}\nnot finished after {self.deadline_s} s\n"
        return self._result(done.returncode), done.stdout or ""

    def _result(self, code: int) -> Result:
        if self.report is None:
            return Result(failed=int(code != 0))
        if not self.report.exists():
            return Result(failed=1)
        result = _counted(self.report)
        # a crashed run has no failed test, but is a failure; so is code 5, no tests
        return result if code == 0 or result.failed else result + Result(failed=1)


def _environment() -> Mapping[str, str]:
    """Return the environment of a suite."""
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return inherited | {"PYTHONPYCACHEPREFIX": str(BYTECODE)}


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
    """Return style, types and unit tests: without root, lab and network; the longest first."""
    units = [
        tests
        for tests in sorted((CHECKOUT / "pkgs").glob("*/tests"))
        if any(tests.rglob("test_*.py"))
    ]
    units.sort(key=lambda tests: tests.parent.name not in MANY_TESTS)
    return [
        *(_units(tests) for tests in units),
        _types(),
        _pytest("scripts of workflows", CHECKOUT, "tests/ci", deadline_s=UNIT_DEADLINE_S),
        _pytest("scripts", CHECKOUT, "tests/scripts", deadline_s=UNIT_DEADLINE_S),
        _pytest("documents", CHECKOUT, "tests/docs", deadline_s=UNIT_DEADLINE_S),
        Suite(title="lint", command=[_tool("ruff"), "check"]),
        Suite(title="format", command=[_tool("ruff"), "format", "--check"]),
    ]


def _types() -> Suite:
    """Return the type check, package by package: two packages may have test files of one name."""
    packages = sorted(file.parent for file in (CHECKOUT / "pkgs").glob("*/pyproject.toml"))
    places = [*([package] for package in packages), [CHECKOUT / "scripts/lib", CHECKOUT / "tests"]]
    mypy = [_tool("mypy"), "--python-executable", sys.executable]
    runs = [shlex.join([*mypy, *map(str, place)]) for place in places]
    script = "".join(f"{run} || failed=1\n" for run in runs)
    return Suite(title="types", command=["sh", "-c", f"{script}exit ${{failed:-0}}"])


def _units(tests: Path) -> Suite:
    """Return the unit tests of a package, in the same sandbox as a build of nixpkgs."""
    package = tests.parent
    title = f"unit tests of {package.name}"
    workers = ["-n", str(CORES), "--dist", "worksteal"] if package.name in MANY_TESTS else []
    suite = _pytest(title, package, str(tests), *workers, deadline_s=UNIT_DEADLINE_S)
    command = confined(SANDBOX, TOOLS.get(package.name, []), suite.command[1:])
    return dataclasses.replace(suite, command=command)


def web_suites() -> list[Suite]:
    """Return the tests of the web pages in a browser; tests/web/install-tools installs it."""
    options = [str(CHECKOUT / "tests" / "web"), "-n", str(BROWSERS)]
    return [_pytest("web pages in a browser", CHECKOUT, *options, deadline_s=WEB_DEADLINE_S)]


def evaluation_suites() -> list[Suite]:
    """Return the tests of the description, with Nix, postconf and doveconf of the Debian image."""
    directory = CHECKOUT / "tests" / "nix"
    if not any(directory.rglob("test_*.py")):
        return []
    return [_pytest("evaluation tests", CHECKOUT, str(directory), deadline_s=UNIT_DEADLINE_S)]


def lab_suites() -> list[Suite]:
    """Return the tests of the lab, which start and stop labs of their own."""
    options = [str(CHECKOUT / "tests" / "lab"), "--timeout", str(LAB_TEST_DEADLINE_S)]
    return [_pytest("tests of the lab", CHECKOUT, *options, deadline_s=LAB_DEADLINE_S)]


def quiet_scenarios(lab: str) -> Suite:
    """Return the scenarios that disturb no host, several at a time."""
    chosen = ["-m", "not disturbs and not measures", "-n", str(WORKERS)]
    return _scenarios("scenarios", lab, SCENARIOS, *chosen)


def disturbing_files() -> list[Path]:
    """Return the files of scenarios that stop or cut off hosts."""
    files = sorted(SCENARIOS.rglob("test_*.py"))
    return [file for file in files if "pytest.mark.disturbs" in file.read_text()]


def disturbing_scenarios(lab: str, file: Path) -> Suite:
    """Return the disturbing scenarios of one file, one after the other."""
    return _scenarios(file.stem.removeprefix("test_"), lab, file, "-m", "disturbs")


def measuring_scenarios(lab: str) -> Suite:
    """Return the scenarios that measure, with no other tests beside them."""
    return _scenarios("scenarios that measure", lab, SCENARIOS, "-m", "measures", "-v")


def _scenarios(title: str, lab: str, tests: Path, *arguments: str) -> Suite:
    options = [
        *("--lab", lab, "--relays", ",".join(RELAYS)),
        *("--classic", CLASSIC, "--untrusted", ",".join(UNTRUSTED_RELAYS)),
    ]
    suite = _pytest(title, CHECKOUT, str(tests), *options, *arguments, deadline_s=LAB_DEADLINE_S)
    return dataclasses.replace(suite, command=python(lab, *suite.command[1:]))
