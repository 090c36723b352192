"""The folder of translations says which languages a relay speaks."""

from chatmaild.accounts.web.language import LANGUAGES
from nixtest.checkout import CHECKOUT
from nixtest.relay import Relay

TEXTS = CHECKOUT / "pkgs/chatmail-www/src/chatmail_www/texts"
CODES = {path.stem for path in TEXTS.glob("*.toml")}


def test_refusals_are_told_in_every_language() -> None:
    """Those of `/new` and of the form that deletes an address."""
    assert set(LANGUAGES) == CODES


def test_nginx_chooses_among_them(default: Relay) -> None:
    """By Accept-Language (RFC 9110 section 12.5.4)."""
    config = default.config["services"]["nginx"]["appendHttpConfig"]

    assert f"({'|'.join(sorted(CODES))})".replace("(", "<chatmail_asked>") in config
