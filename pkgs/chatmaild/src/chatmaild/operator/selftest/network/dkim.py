"""The DKIM key can sign, and DNS publishes it."""

from typing import Final

from chatmaild.dkim.keys import key_path, load_key, public_record
from chatmaild.dkim.resolver import query_txt
from chatmaild.errors import KeyUnavailableError, SettingsError
from chatmaild.operator.selftest.report import Check, failed, ok, skipped, warned
from chatmaild.settings import Settings

NAME: Final = "dkim"
NEW_KEY: Final = (
    "restore {} from a backup; without one: {}systemctl restart chatmail-filter makes a new key;"
    " then publish what `chatmail dns` prints"
)
PUBLISH: Final = "publish the record that `chatmail dns` prints; then chatmail dns --check"


def check(settings: Settings) -> Check:
    """Load the key that signs, and compare it with DNS."""
    if not settings.dkim.enable:
        return skipped(NAME, "not used by an IP-only relay")
    path = key_path(settings, settings.dkim.selector)
    try:
        key = load_key(path)
    except FileNotFoundError:
        repair = NEW_KEY.format(path, "")
        return failed(NAME, f"the key {path} is missing: others will refuse our mail", repair)
    except (OSError, SettingsError) as error:
        repair = NEW_KEY.format(path, f"rm {path}; ")
        return failed(NAME, f"the key cannot be used: {error}", repair)
    name = f"{settings.dkim.selector}._domainkey.{settings.mail_domain}"
    try:
        texts = query_txt(name).texts
    except KeyUnavailableError:
        return warned(
            NAME,
            "the key can sign; DNS gave no answer for the published one",
            "chatmail selftest --only resolver; chatmail dns --check",
        )
    return judge(name, texts, public_record(key))


def judge(name: str, texts: tuple[str, ...], own: str) -> Check:
    """Decide: the published key is the one that signs."""
    published = {_key_of(text) for text in texts}
    if not texts:
        return failed(
            NAME,
            f"{name} is not published: other servers refuse our mail",
            PUBLISH,
        )
    if published != {_key_of(own)}:
        return failed(NAME, f"{name} is another key: others refuse our mail", PUBLISH)
    return ok(NAME, "the published key is the one that signs")


def _key_of(record: str) -> str:
    """The tag `p=` without the white space and quotation marks that web forms leave in it."""
    tags = dict(part.partition("=")[::2] for part in record.replace('"', "").split(";"))
    keys = {name.strip(): value for name, value in tags.items()}
    return "".join(keys.get("p", "").split())
