"""The acceptance suite in scripts/test: which scenarios run in which lab, and beside which others.

Scenarios that disturb no host run several at a time. Those that do have a lab to themselves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from checks.suites import IN_WORKERS, LAB_DEADLINE_S, Suite, pytest_suite
from labs import CHECKOUT, python

# what the scenarios of each lab used, for the search after them
LEDGERS = CHECKOUT / ".cache" / "ledgers"
LAB_NAME = "test"
# for scenarios that disturb, besides the first: they mostly wait
MORE_LAB_NAMES = ("test2", "test3", "test4")
RELAYS = ("a.test", "b.test")
UNTRUSTED_RELAYS = ("_d.test", "192.0.2.77")  # sign their own certificates
CLASSIC = "c.test"
SCENARIOS = CHECKOUT / "tests" / "e2e"
# about a relay of several machines, see `cluster`
IN_SEVERAL = SCENARIOS / "cluster"
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
# the scenarios of a file change the same setting of a relay: they do not run side by side
FILES_IN_TURN = ["--dist", "loadfile"]
WORKERS = 2  # scenarios that disturb and other suites run beside them


def quiet_scenarios(lab: str) -> Suite:
    """Return the scenarios that disturb no host, several at a time."""
    return scenarios_together("scenarios", lab, [SCENARIOS])


def scenarios_together(
    title: str, lab: str, tests: Sequence[Path], *, others: bool = True
) -> Suite:
    """Return those of some scenarios that disturb no host, several at a time."""
    chosen = ["-m", "not disturbs and not measures and not remembers"]
    workers = [*IN_WORKERS, str(WORKERS), *FILES_IN_TURN]
    return some_scenarios(title, lab, tests, *chosen, *workers, others=others)


def disturbing_files(*, in_several: bool = False) -> list[list[Path]]:
    """Return the files of scenarios that stop or cut off hosts, in groups for one run each.

    Args:
        in_several: also those that only a relay of several machines has.
    """
    files = sorted(SCENARIOS.rglob("test_*.py"))
    if not in_several:
        files = [file for file in files if file.parent != IN_SEVERAL]
    disturbing = {file.stem: file for file in files if "pytest.mark.disturbs" in file.read_text()}
    long = [[disturbing.pop(name)] for name in LONG_FILES]
    others = list(disturbing.values())
    starts = range(0, len(others), FILES_AT_ONCE)
    return long + [others[start : start + FILES_AT_ONCE] for start in starts]


def disturbing_scenarios(lab: str, files: Sequence[Path]) -> Suite:
    """Return the disturbing scenarios of some files, one after the other."""
    return some_scenarios(titled(files), lab, files, "-m", "disturbs")


def titled(files: Sequence[Path]) -> str:
    """Return what the files are about, as they are named."""
    return " and ".join(file.stem.removeprefix("test_") for file in files)


def measuring_scenarios(lab: str) -> Suite:
    """Return the scenarios that measure, with no other tests beside them."""
    return some_scenarios("scenarios that measure", lab, [SCENARIOS], "-m", "measures", "-v")


def searching_scenarios(lab: str, *, others: bool = True) -> Suite:
    """Return the search of a lab for crashes and for all that scenarios used; runs after them."""
    title = f"search of lab {lab} for crashes and personal data"
    folders = [SCENARIOS / "machine", SCENARIOS / "privacy"]
    return some_scenarios(title, lab, folders, "-m", "remembers", "-v", others=others)


def forget(lab: str) -> None:
    """Delete the ledger of an earlier lab of that name."""
    LEDGERS.mkdir(parents=True, exist_ok=True)
    (LEDGERS / lab).unlink(missing_ok=True)


def some_scenarios(
    title: str, lab: str, tests: Sequence[Path], *arguments: str, others: bool = True
) -> Suite:
    """Return a run of pytest in a lab, with what its scenarios need to know.

    Args:
        others: whether the lab has more than the two relays.
    """
    options = ["--lab", lab, "--relays", ",".join(RELAYS), "--ledger", str(LEDGERS / lab)]
    if others:
        options += ["--classic", CLASSIC, "--untrusted", ",".join(UNTRUSTED_RELAYS)]
    chosen = [*map(str, tests), *options, *arguments]
    suite = pytest_suite(title, CHECKOUT, *chosen, deadline_s=LAB_DEADLINE_S)
    return dataclasses.replace(suite, command=python(lab, *suite.command[1:]))
