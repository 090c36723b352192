"""What lists of relays and their probers look at."""

from dataclasses import replace

import pytest

from chatmaild.operator import registration
from chatmaild.operator.selftest import listing
from chatmaild.operator.selftest.network.names import NoAnswerError
from chatmaild.operator.selftest.report import Verdict
from chatmaild.settings import Settings


def test_a_trusted_name_is_listed(settings: Settings) -> None:
    """Clients make addresses without a question."""
    assert listing.check_name(settings).verdict is Verdict.OK

    untrusted = replace(settings, tls=replace(settings.tls, trusted=False))
    assert listing.check_name(untrusted).verdict is Verdict.FAILED


def test_a_closed_relay_is_not_listed(settings: Settings, audited: list[str]) -> None:
    """Probers make addresses."""
    assert listing.check_open(settings).verdict is Verdict.OK

    registration.set_open(settings, is_open=False)

    assert audited
    assert listing.check_open(settings).repair == "chatmail registration open"


def test_a_relay_that_refuses_apps_is_warned(settings: Settings) -> None:
    """The list for new profiles is for relays that take them."""
    refusing = replace(settings, registration=replace(settings.registration, automatic="refuse"))
    limited = replace(settings, registration=replace(settings.registration, automatic=20))

    assert listing.check_open(refusing).verdict is Verdict.WARNED
    assert listing.check_open(limited).verdict is Verdict.OK


def test_the_operator_can_be_reached(settings: Settings) -> None:
    """In METADATA and in the privacy policy."""
    nobody = replace(settings, contact=replace(settings.contact, mail=None))
    somebody = replace(settings, contact=replace(settings.contact, mail="x@example.org"))

    assert listing.check_contact(nobody).verdict is Verdict.FAILED
    assert listing.check_contact(somebody).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("published", "verdict"),
    [
        (['"v=DMARC1;p=reject;adkim=s"'], Verdict.OK),
        (['"v=DMARC1; p=reject"', '"other"'], Verdict.OK),
        (['"v=DMARC1;p=none"'], Verdict.FAILED),
        (['"v=DMARC1;p=reject"', '"v=DMARC1;p=reject"'], Verdict.FAILED),
        ([], Verdict.FAILED),
        (None, Verdict.WARNED),
    ],
)
def test_one_record_says_that_others_are_refused(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    published: list[str] | None,
    verdict: Verdict,
) -> None:
    """RFC 7489 section 6.6.3: with two, there is none."""

    def records(_: str, kind: str) -> list[str]:
        assert kind == "TXT"
        if published is None:
            raise NoAnswerError("no answer")
        return published

    monkeypatch.setattr(listing, "records", records)

    assert listing.check_dmarc(settings).verdict is verdict
