"""Whether DNS leads to this machine, and back."""

import pytest

from chatmaild.operator.selftest.network import records
from chatmaild.operator.selftest.report import Verdict
from chatmaild.settings import DnsRecord


@pytest.fixture
def wanted() -> list[DnsRecord]:
    return [
        DnsRecord(name="chat.example.org", type=kind, value=value, required=kind != "AAAA")
        for kind, value in (("A", None), ("AAAA", None), ("MX", "10 chat.example.org."))
    ]


PUBLISHED = {"A": ["203.0.113.5"], "AAAA": [], "MX": ["10 chat.example.org."]}


@pytest.mark.parametrize(
    ("changed", "mx", "foreign", "verdict"),
    [
        ({}, "ok", [], Verdict.OK),
        ({}, "ok", None, Verdict.OK),
        ({}, "ok", ["A"], Verdict.FAILED),
        ({"A": []}, "ok", None, Verdict.FAILED),
        ({"MX": []}, "missing", None, Verdict.FAILED),
        ({}, "differs", [], Verdict.FAILED),
    ],
)
def test_records_must_lead_to_this_machine(
    wanted: list[DnsRecord],
    changed: dict[str, list[str]],
    mx: str,
    foreign: list[str] | None,
    verdict: Verdict,
) -> None:
    """AAAA is recommended only."""
    assert records.judge(wanted, PUBLISHED | changed, mx=mx, foreign=foreign).verdict is verdict


def test_an_address_of_another_machine_is_found() -> None:
    """A socket can be bound to own addresses alone."""
    own = {"A": "127.0.0.1", "AAAA": None}

    assert records.foreign({"A": ["127.0.0.1"], "AAAA": []}, own) == []
    assert records.foreign({"A": ["127.0.0.1", "203.0.113.5"], "AAAA": []}, own) == ["A"]


def test_behind_a_router_nothing_is_compared() -> None:
    """DNS has the address of the router."""
    own = {"A": "192.168.1.5", "AAAA": None}

    assert records.foreign({"A": ["203.0.113.5"], "AAAA": []}, own) is None


@pytest.mark.parametrize(
    ("names", "verdict"),
    [
        ({"A": ["chat.example.org"], "AAAA": ["chat.example.org"]}, Verdict.OK),
        ({"A": ["chat.example.org"], "AAAA": ["static.provider.example"]}, Verdict.WARNED),
        ({"A": []}, Verdict.WARNED),
        ({}, Verdict.SKIPPED),
    ],
)
def test_a_missing_reverse_name_warns(names: dict[str, list[str]], verdict: Verdict) -> None:
    """It is the provider's, and relays do not ask for it."""
    assert records.judge_reverse(names, {"chat.example.org"}).verdict is verdict
