"""`chatmail dns --check`: text, JSON, exit code, and --watch."""

import json

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.dnscheck import report
from chatmaild.operator.dnscheck.findings import Finding

from .world import DOMAIN, OTHER, findings, right


def _moved() -> list[Finding]:
    return findings(right() | {(DOMAIN, "MX"): ["10 elsewhere.example.net."]})


def test_a_fault_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Expected and published values, the problem, what to enter where; exit code 1."""
    code = report.run(_moved, DOMAIN, wants_json=False, watches=False)

    said = capsys.readouterr().out.splitlines()
    assert code == 1
    at = said.index(
        f"differs  required     {DOMAIN} MX, expected: 10 {DOMAIN}., published:"
        " 10 elsewhere.example.net."
    )
    assert said[at + 1] == f"{'':<9}elsewhere.example.net leads to {OTHER}, not this machine"
    assert said[at + 2] == (
        f"{'':<9}-> enter in the zone example.org, name chat, type MX,"
        f" value 10 {DOMAIN}.; remove all others"
    )


def test_json_has_the_same_facts(capsys: pytest.CaptureFixture[str]) -> None:
    """One document."""
    code = report.run(_moved, DOMAIN, wants_json=True, watches=False)

    document = json.loads(capsys.readouterr().out)
    assert (code, document["domain"], document["right"]) == (1, DOMAIN, False)
    assert {f["state"] for f in document["findings"]} == {"ok", "differs"}


def test_recommended_records_do_not_fail(capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence at the end counts them."""
    zone = right()
    del zone[f"_dmarc.{DOMAIN}", "TXT"]

    assert report.run(lambda: findings(zone), DOMAIN, wants_json=False, watches=False) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "0 required and 1 recommended records need care"


def test_watch_ends_when_all_is_right(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It survives a name server that does not answer, and prints only what is new."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    looks = [_moved, _moved, None, lambda: findings(right())]

    def look() -> list[Finding]:
        now = looks.pop(0)
        if now is None:
            raise ChatmaildError("no name server answers")
        return now()

    code = report.run(look, DOMAIN, wants_json=False, watches=True)

    said = capsys.readouterr().out
    assert (code, waits) == (0, [report.WATCH_S] * 3)
    assert said.count("elsewhere.example.net leads to 198.51.100.9") == 1
    assert "error: no name server answers" in said
    assert said.endswith("all records are right\n")
