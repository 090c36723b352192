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
from labs import CHECKOUT, python

REPORTS = CHECKOUT / ".cache" / "reports"
# what the scenarios of each lab used, for the search after them
LEDGERS = CHECKOUT / ".cache" / "ledgers"
SANDBOX = CHECKOUT / ".cache" / "sandbox"
# Python and pytest compile each file once, and not into the source directories.
BYTECODE = CHECKOUT / ".cache" / "bytecode"
# programs that a package declares for its unit tests (checkInputs in its default.nix)
TOOLS = {"chatmail-install": ["git"], "chatmail-lab": ["unshare"]}
LAB_NAME = "test"
# for scenarios that disturb, besides the first: they mostly wait
MORE_LAB_NAMES = ("test2", "test3", "test4")
RELAYS = ("a.test", "b.test")
UNTRUSTED_RELAYS = ("_d.test", "192.0.2.77")  # sign their own certificates
CLASSIC = "c.test"
SCENARIOS = CHECKOUT / "tests" / "e2e"
LAB_CONFIG = SCENARIOS / "lab.nix"
# files of disturbing scenarios that take 30 s and more, the longest first: labs end together
LONG_FILES = (
    "test_mail_waits_while_a_service_is_down",
    "test_every_fault_is_named",
    "test_a_full_disk_is_told_and_heals",
    "test_a_lost_machine_is_restored",
    "test_waiting_mail_names_no_client",
    "test_mail_leaves_when_an_smtp_host_returns",
    "test_a_clock_that_jumps_delays_no_mail",
    "test_relays_deliver_over_https_or_smtp",
    "test_relays_with_self_signed_certificates_exchange_mail",
    "test_relays_with_ipv4_or_ipv6_alone_exchange_mail",
    "test_guesses_are_slowed_down",
    "test_killed_deliveries_lose_no_mail",
    "test_killed_daemons_lose_no_mail",
    "test_commands_of_the_pages_work",
    "test_hosts_without_https_get_smtp_first",
    "test_https_and_smtp_sessions_are_kept_apart",
    "test_mail_logs_are_on_for_a_while",
    "test_dkim_key_rotation_loses_no_mail",
    "test_restarts_fail_no_login",
)
FILES_AT_ONCE = 2  # of the others: pytest starts less often
# Only what hangs takes so long. The slowest test, the handbook, takes 130 s where others run beside
# it. Tests wait for a condition for at most 150 s, so their own message comes first.
TEST_DEADLINE_S = 300
LONGEST = 2  # suites that start first
# pytest starts twice as fast without the plugins that a suite does not use
PLUGINS = ["--disable-plugin-autoload", "-p", "pytest_timeout"]
IN_WORKERS = ["-p", "xdist.plugin", "-n"]
HYPOTHESIS = ["-p", "_hypothesis_pytestplugin"]
WORKERS = 2  # scenarios that disturb and other suites run beside them
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


def quiet_scenarios(lab: str) -> Suite:
    """Return the scenarios that disturb no host, several at a time."""
    chosen = ["-m", "not disturbs and not measures and not remembers", *IN_WORKERS, str(WORKERS)]
    return _scenarios("scenarios", lab, [SCENARIOS], *chosen)


def disturbing_files() -> list[list[Path]]:
    """Return the files of scenarios that stop or cut off hosts, in groups for one run each."""
    files = sorted(SCENARIOS.rglob("test_*.py"))
    disturbing = {file.stem: file for file in files if "pytest.mark.disturbs" in file.read_text()}
    long = [[disturbing.pop(name)] for name in LONG_FILES]
    others = list(disturbing.values())
    starts = range(0, len(others), FILES_AT_ONCE)
    return long + [others[start : start + FILES_AT_ONCE] for start in starts]


def disturbing_scenarios(lab: str, files: Sequence[Path]) -> Suite:
    """Return the disturbing scenarios of some files, one after the other."""
    return _scenarios(titled(files), lab, files, "-m", "disturbs")


def titled(files: Sequence[Path]) -> str:
    """Return what the files are about, as they are named."""
    return " and ".join(file.stem.removeprefix("test_") for file in files)


def measuring_scenarios(lab: str) -> Suite:
    """Return the scenarios that measure, with no other tests beside them."""
    return _scenarios("scenarios that measure", lab, [SCENARIOS], "-m", "measures", "-v")


def searching_scenarios(lab: str) -> Suite:
    """Return the search of a lab for crashes and for all that scenarios used; runs after them."""
    title = f"search of lab {lab} for crashes and personal data"
    folders = [SCENARIOS / "machine", SCENARIOS / "privacy"]
    return _scenarios(title, lab, folders, "-m", "remembers", "-v")


def forget(lab: str) -> None:
    """Delete the ledger of an earlier lab of that name."""
    LEDGERS.mkdir(parents=True, exist_ok=True)
    (LEDGERS / lab).unlink(missing_ok=True)


def _scenarios(title: str, lab: str, tests: Sequence[Path], *arguments: str) -> Suite:
    options = [
        *("--lab", lab, "--relays", ",".join(RELAYS)),
        *("--classic", CLASSIC, "--untrusted", ",".join(UNTRUSTED_RELAYS)),
        *("--ledger", str(LEDGERS / lab)),
    ]
    chosen = [*map(str, tests), *options, *arguments]
    suite = pytest_suite(title, CHECKOUT, *chosen, deadline_s=LAB_DEADLINE_S)
    return dataclasses.replace(suite, command=python(lab, *suite.command[1:]))
