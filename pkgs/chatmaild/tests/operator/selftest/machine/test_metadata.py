"""The keys of METADATA that clients need."""

from dataclasses import replace

import pytest

from chatmaild.operator.selftest.machine.metadata import SERVER, judge
from chatmaild.operator.selftest.report import Verdict
from chatmaild.settings import Settings


@pytest.fixture
def found(settings: Settings) -> dict[str, str | None]:
    return {
        f"{SERVER}/maxsmtprecipients": str(settings.mail.max_recipients),
        f"{SERVER}/turn": "a:1:2:3",
        f"{SERVER}/irohrelay": settings.iroh.url,
    }


def test_all_keys_are_well(settings: Settings, found: dict[str, str | None]) -> None:
    """Those of the settings."""
    assert judge(settings, found, token_is_kept=True).verdict is Verdict.OK


def test_a_missing_key_is_named(settings: Settings, found: dict[str, str | None]) -> None:
    """By its last part."""
    found[f"{SERVER}/turn"] = None

    assert judge(settings, found, token_is_kept=True).sentence == "clients do not get turn"

    iroh = replace(settings, iroh=replace(settings.iroh, url="https://x.example"))
    assert "irohrelay" in judge(iroh, found, token_is_kept=True).sentence


def test_a_lost_token_fails(settings: Settings, found: dict[str, str | None]) -> None:
    """Phones would sleep."""
    assert judge(settings, found, token_is_kept=False).verdict is Verdict.FAILED
