"""The folder of translations defines the languages of a relay."""

from chatmaild.accounts.web.language import LANGUAGES
from nixtest.checkout import CHECKOUT
from nixtest.relay import Relay

TEXTS = CHECKOUT / "pkgs/chatmail-www/src/chatmail_www/texts"
CODES = {path.stem for path in TEXTS.glob("*.toml")}


def test_refusals_exist_in_every_language() -> None:
    """Refusals of `/new` and of the form that deletes an account."""
    assert set(LANGUAGES) == CODES


def test_nginx_knows_every_language(default: Relay) -> None:
    """It chooses by Accept-Language (RFC 9110 section 12.5.4)."""
    config = default.config["services"]["nginx"]["appendHttpConfig"]

    assert f"({'|'.join(sorted(CODES))})".replace("(", "<chatmail_asked>") in config
