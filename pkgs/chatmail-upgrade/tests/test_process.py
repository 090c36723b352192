"""Running other programs."""

from chatmail_upgrade.process import NOT_FOUND, TIMED_OUT, Result, run


def test_output_and_exit_status_are_captured() -> None:
    """Both outputs."""
    done = run(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], deadline_s=60)

    assert Result(status=3, output="out\n", errors="err\n") == done
    assert not done.ok
    assert done.tail() == "out\nerr"


def test_a_missing_program_is_a_failure() -> None:
    """As in a shell."""
    done = run(["chatmail-no-such-program"], deadline_s=60)

    assert done.status == NOT_FOUND
    assert "no such program" in done.tail()


def test_a_timeout_is_a_failure() -> None:
    """The program is killed."""
    done = run(["sleep", "60"], deadline_s=0.1)

    assert done.status == TIMED_OUT


def test_the_tail_is_the_last_lines() -> None:
    """For an error message."""
    assert Result(status=1, output="a\nb\nc\n", errors="").tail(2) == "b\nc"
