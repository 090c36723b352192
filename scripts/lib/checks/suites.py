"""The suites of scripts/test: their titles, their commands, and how their results are counted."""

from __future__ import annotations

import dataclasses
import os
import shlex
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from checks import ending
from checks.sandbox import confined
from labs import CHECKOUT

REPORTS = CHECKOUT / ".cache" / "reports"
SANDBOX = CHECKOUT / ".cache" / "sandbox"
# Python and pytest compile each file once, and not into the source directories.
BYTECODE = CHECKOUT / ".cache" / "bytecode"
# programs that a package declares for its unit tests (checkInputs in its default.nix)
TOOLS = {"chatmail-install": ["git"], "chatmail-lab": ["openssl", "unshare"]}
# Only what hangs takes so long. The slowest test, the handbook, takes 130 s where others run beside
# it. Tests wait for a condition for at most 150 s, so their own message comes first.
TEST_DEADLINE_S = 300
LONGEST = 2  # suites that start first
# pytest starts twice as fast without the plugins that a suite does not use
PLUGINS = ["--disable-plugin-autoload", "-p", "pytest_timeout"]
IN_WORKERS = ["-p", "xdist.plugin", "-n"]
HYPOTHESIS = ["-p", "_hypothesis_pytestplugin"]
BROWSERS = 2  # a browser keeps a core busy
# Folders of tests that have a process of their own, because the package's tests take longer than
# all other suites. Two processes that each collect a half need less than pytest-xdist's workers.
APART = {"chatmaild": (("dkim", "filter"), ("accounts", "transport"))}
SUITE_DEADLINE_S = 900
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
    deadline_s: float = SUITE_DEADLINE_S

    def run(self, *, capture: bool) -> tuple[Result, str]:
        """Run the command; with `capture` return its output, else show it at once."""
        if self.report is not None:
            self.report.unlink(missing_ok=True)
        code, output = ending.run(
            self.command,
            directory=self.directory,
            environment=_environment(),
            deadline_s=self.deadline_s,
            capture=capture,
        )
        if code is None:
            return Result(failed=1), f"{output}\nnot finished after {self.deadline_s} s\n"
        return self._result(code), output

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


def pytest_suite(title: str, directory: Path, *arguments: str, deadline_s: float) -> Suite:
    """Return a run of pytest."""
    report = REPORTS / f"{title.replace(' ', '-').replace('/', '-')}.xml"
    options = ["-q", "--junitxml", str(report), *PLUGINS, "--timeout", str(TEST_DEADLINE_S)]
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
    units.sort(key=lambda tests: tests.parent.name not in APART)
    suites = [suite for tests in units for suite in _units(tests)]
    return [
        *suites[:LONGEST],
        _types(),
        *suites[LONGEST:],
        pytest_suite("scripts of workflows", CHECKOUT, "tests/ci", deadline_s=SUITE_DEADLINE_S),
        pytest_suite("scripts", CHECKOUT, "tests/scripts", deadline_s=SUITE_DEADLINE_S),
        pytest_suite("documents", CHECKOUT, "tests/docs", deadline_s=SUITE_DEADLINE_S),
        Suite(title="lint", command=[_tool("ruff"), "check"]),
        Suite(title="format", command=[_tool("ruff"), "format", "--check"]),
    ]


def _types() -> Suite:
    """Return the type check, in as few runs as possible: a run has one test file of each name."""
    packages = sorted(file.parent for file in (CHECKOUT / "pkgs").glob("*/pyproject.toml"))
    runs: list[tuple[list[Path], set[Path]]] = [
        ([CHECKOUT / "scripts/lib", CHECKOUT / "tests"], set())
    ]
    for package in packages:
        names = {file.relative_to(package) for file in package.rglob("*.py")}
        run = next((run for run in runs if run[1].isdisjoint(names)), None)
        if run is None:
            run = ([], set())
            runs.append(run)
        run[0].append(package)
        run[1].update(names)
    mypy = [_tool("mypy"), "--python-executable", sys.executable]
    lines = [shlex.join([*mypy, *map(str, places)]) for places, _ in runs]
    script = "".join(f"{line} || failed=1\n" for line in lines)
    return Suite(title="types", command=["sh", "-c", f"{script}exit ${{failed:-0}}"])


def _units(tests: Path) -> list[Suite]:
    """Return the unit tests of a package, in the same sandbox as a build of nixpkgs."""
    package = tests.parent.name
    title = f"unit tests of {package}"
    groups = APART.get(package, ())
    if not groups:
        return [_confined(title, tests, str(tests))]
    others = [f"--ignore={tests / name}" for group in groups for name in group]
    return [
        *(
            _confined(
                f"{title} in {' and '.join(group)}", tests, *(str(tests / name) for name in group)
            )
            for group in groups
        ),
        _confined(f"{title} elsewhere", tests, str(tests), *others),
    ]


def _confined(title: str, tests: Path, *arguments: str) -> Suite:
    package = tests.parent
    has_hypothesis = "hypothesis" in (package / "pyproject.toml").read_text()
    plugins = HYPOTHESIS if has_hypothesis else []
    suite = pytest_suite(title, package, *arguments, *plugins, deadline_s=SUITE_DEADLINE_S)
    command = confined(SANDBOX, TOOLS.get(package.name, []), suite.command[1:])
    return dataclasses.replace(suite, command=command)


def web_suites() -> list[Suite]:
    """Return the tests of the web pages in a browser; tests/web/install-tools installs it."""
    options = [str(CHECKOUT / "tests" / "web"), *IN_WORKERS, str(BROWSERS)]
    return [pytest_suite("web pages in a browser", CHECKOUT, *options, deadline_s=SUITE_DEADLINE_S)]


def evaluation_suites() -> list[Suite]:
    """Return the tests of the description, with Nix, postconf and doveconf of the Debian image."""
    return [pytest_suite("evaluation tests", CHECKOUT, "tests/nix", deadline_s=SUITE_DEADLINE_S)]


def lab_suites() -> list[Suite]:
    """Return the tests of the lab, which start labs of their own, and those with an ACME server."""
    labs = pytest_suite("tests of the lab", CHECKOUT, "tests/lab", deadline_s=LAB_DEADLINE_S)
    return [
        labs,
        pytest_suite("ACME accounts", CHECKOUT, "tests/acme", deadline_s=SUITE_DEADLINE_S),
    ]
