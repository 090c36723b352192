"""The privacy policy has the figures and contacts of the relay, and says what is missing."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from chatmail_www.site import TEXTS_DIR, Site
from chatmail_www.wording.facts import PLACEHOLDERS
from chatmail_www.wording.languages import NO_BREAK_SPACE, WORD_JOINER
from chatmail_www.wording.texts import Texts, load_texts


def words(html: str) -> str:
    """The text of a page with normal spaces."""
    return unescape(html).replace(NO_BREAK_SPACE, " ").replace(WORD_JOINER, "")


def test_it_has_the_figures_of_the_settings(
    described: dict[str, Any], build: Callable[[], Site]
) -> None:
    """And none of the defaults."""
    described["retention"] |= {
        "deleteAfterDays": 11,
        "deleteLargeAfterDays": 1,
        "largeMessageBytes": 1500000,
        "deleteInactiveAfterDays": 33,
    }
    page = words(build()["en/privacy.html"])

    for figure in ("11 days", "1 day", "1.5 MB", "33 days"):
        assert figure in page
    assert "20 days" not in page


@pytest.mark.parametrize("texts", load_texts(TEXTS_DIR, None, PLACEHOLDERS), ids=lambda t: t.code)
def test_it_says_which_contact_is_missing(
    described: dict[str, Any], build: Callable[[], Site], texts: Texts
) -> None:
    """For each of the four fields, in every language."""
    code, table = texts.code, texts.table
    fields = {"mail": "mail", "postal": "postal", "dataOfficer": "officer"}
    fields["supervisor"] = "supervisor"
    for field, key in fields.items():
        described["contact"] = dict.fromkeys(fields, "given@example.org") | {field: None}
        page = words(build()[f"{code}/privacy.html"])

        for other in fields.values():
            assert (other == key) == (table[f"privacy.{other}_missing"] in page), (field, other)


def test_it_shows_the_contacts(described: dict[str, Any], build: Callable[[], Site]) -> None:
    """As given, with HTML escaped."""
    described["contact"] = {
        "mail": "privacy@example.org",
        "postal": "Ada <b>Lovelace</b>, London",
        "dataOfficer": "dpo@example.org",
        "supervisor": "The Authority",
    }
    page = build()["en/privacy.html"]

    assert 'href="mailto:privacy@example.org"' in page
    assert "Ada &lt;b&gt;Lovelace&lt;/b&gt;, London" in page
    assert "dpo@example.org" in page
    assert "The Authority" in page


def test_it_names_the_notification_server(site: Site) -> None:
    """By its host."""
    assert "notifier.example" in site["de/privacy.html"]


def test_it_leaves_out_disabled_features(
    described: dict[str, Any], build: Callable[[], Site]
) -> None:
    """Without push and calls it mentions neither."""
    described["push"]["enable"] = False
    described["turn"]["enable"] = False
    page = build()["en/privacy.html"]

    assert "notification" not in page
    assert "call" not in page.replace("automatically", "")
