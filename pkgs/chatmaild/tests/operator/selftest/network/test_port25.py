"""The verdict about port 25, in words."""

from chatmaild.operator.selftest.network.port25 import Attempt, judge_in, judge_out
from chatmaild.operator.selftest.report import Verdict

SEEN_S = 1795923000.0


def attempts(**outcomes: str) -> list[Attempt]:
    return [Attempt(name=name, outcome=outcome) for name, outcome in outcomes.items()]


def test_one_answer_proves_that_it_is_open() -> None:
    """Others may be down."""
    check = judge_out(attempts(gmail="answered", gmx="silent", old="unknown"), [])

    assert check.verdict is Verdict.OK
    assert check.sentence == "open outwards: 1 of 3 mail servers answered (gmail)"


def test_silence_is_the_providers_block() -> None:
    """Which direction, how it is known, what still works, whom to ask."""
    check = judge_out(attempts(gmail="silent", gmx="silent"), attempts(relay="answered"))

    assert check.verdict is Verdict.FAILED
    assert check.sentence == (
        "blocked outwards: none of 2 mail servers answered within 4 s; port 443 is open (relay),"
        " so mail to other relays still goes by HTTPS; mail to classic servers waits in the queue,"
        " then returns"
    )
    assert check.repair == (
        "check the rules of this machine: nft list ruleset; then ask the provider of this"
        " machine to open TCP port 25 outwards"
    )


def test_a_refusal_is_a_firewall() -> None:
    """It answers at once."""
    check = judge_out(attempts(gmail="refused", gmx="refused"), [])

    assert "let us connect" in check.sentence
    assert "a firewall of this machine" in check.repair


def test_nothing_leaves_without_both_ports() -> None:
    """The whole machine is cut off."""
    check = judge_out(attempts(gmail="silent"), attempts(relay="silent"))

    assert "no mail leaves this machine" in check.sentence


def test_without_names_the_resolver_is_to_blame() -> None:
    """Nothing is known about the port."""
    check = judge_out(attempts(gmail="unknown"), attempts(relay="unknown"))

    assert check.verdict is Verdict.FAILED
    assert check.repair == "chatmail selftest --only resolver"


def test_who_came_proves_that_it_is_open_inwards() -> None:
    """With the time, and without a name."""
    check = judge_in(
        "554 5.7.1 No valid DKIM signature found", "a.test", seen_s=SEEN_S, now_s=SEEN_S + 600
    )

    assert check.verdict is Verdict.OK
    assert "open inwards: a mail server of others offered mail at 2026-11-29 03:30 UTC" in (
        check.sentence
    )


def test_nobody_knows_whether_it_is_open_inwards() -> None:
    """A machine cannot look at itself from outside."""
    check = judge_in("554 5.7.1 No valid DKIM signature found", "a.test", seen_s=None, now_s=SEEN_S)

    assert check.verdict is Verdict.WARNED
    assert "it is unknown whether port 25 is open inwards" in check.sentence
    assert "nc -vz a.test 25" in check.repair


def test_a_week_without_mail_of_others_is_a_doubt() -> None:
    """They came, and come no more."""
    answer, now_s = "554 5.7.1 No valid DKIM signature found", SEEN_S + 8 * 86400
    check = judge_in(answer, "a.test", seen_s=SEEN_S, now_s=now_s)

    assert check.verdict is Verdict.WARNED
    assert "no mail server of others offered mail since 2026-11-29 03:30 UTC" in check.sentence
    assert "nc -vz a.test 25" in check.repair


def test_another_answer_is_a_fault_of_this_machine() -> None:
    """A message without a signature is refused, and not delayed or taken."""
    assert judge_in("451 4.3.0 later", "a.test", seen_s=1.0, now_s=2.0).verdict is Verdict.FAILED
    assert judge_in("250 2.0.0 Ok", "a.test", seen_s=1.0, now_s=2.0).verdict is Verdict.FAILED
