"""Checks run side by side, each with a verdict, whatever happens to the others."""

import threading
import types
from functools import partial

import aiosmtplib
import pytest

from chatmaild.operator.selftest import listing, mailing, run
from chatmaild.operator.selftest.report import Check, Verdict, failed, ok, warned
from chatmaild.operator.selftest.run import CHECKS, side_by_side, with_cause, without_addresses

from ...waiting import DEADLINE_S

STOPPED = failed("units", "dovecot is inactive", "systemctl restart dovecot")


def test_errors_do_not_tell_addresses() -> None:
    """The report goes to the journal."""
    refused = aiosmtplib.SMTPRecipientRefused(450, "<abc@[192.0.2.1]>: no", "abc@chat.example.org")
    error = aiosmtplib.SMTPRecipientsRefused([refused])

    assert "abc" not in without_addresses(str(error))
    assert "450" in without_addresses(str(error))


def test_checks_run_side_by_side() -> None:
    """Each waits for all others."""
    barrier = threading.Barrier(3, timeout=DEADLINE_S)

    def meet(name: str) -> Check:
        barrier.wait()
        return ok(name, "met")

    threads: list[threading.Thread] = []
    names = ("a", "b", "c")
    found = side_by_side({name: partial(meet, name) for name in names}, 10, threads)

    assert found == {name: ok(name, "met") for name in names}
    assert len(threads) == 3


def test_a_check_that_hangs_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others keep their verdicts, and the selftest its time."""
    end = threading.Event()

    def hang() -> Check:
        end.wait()
        return ok("late", "too late")

    # the deadline is over when the other one has its verdict
    now_s = iter((0.0, 0.0, 1000.0))
    monkeypatch.setattr(run, "time", types.SimpleNamespace(monotonic=lambda: next(now_s)))
    found = side_by_side({"late": hang, "quick": lambda: ok("quick", "x")}, 1000.0, [])
    end.set()

    assert found["quick"].verdict is Verdict.OK
    assert found["late"].verdict is Verdict.FAILED
    assert "no result within 1000 s" in found["late"].sentence


def test_a_stopped_unit_is_repaired_first() -> None:
    """What fails with it is its consequence."""
    login = failed("login", "nobody can log in", "look at everything")

    assert with_cause(login, STOPPED).repair == "first systemctl restart dovecot"
    assert with_cause(login, ok("units", "all run")) == login
    assert with_cause(STOPPED, STOPPED) == STOPPED
    assert with_cause(warned("push", "x"), STOPPED) == warned("push", "x")


def test_names_are_single_words_and_different() -> None:
    """`--only NAME` and the metrics use them."""
    names = [*CHECKS, *listing.CHECKS]

    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalnum() and name.islower() for name in names)


def test_nobody_logs_in_when_the_selftest_ends() -> None:
    """A login after the deletion would create the address again."""
    assert not mailing.ENDING.is_set()
