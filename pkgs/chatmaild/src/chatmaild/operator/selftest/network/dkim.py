"""The DKIM key can sign, and DNS publishes it."""

from chatmaild.dkim.keys import key_path, load_key, public_record
from chatmaild.dkim.resolver import query_txt
from chatmaild.errors import KeyUnavailableError, SettingsError
from chatmaild.operator.selftest.report import Check, failed, ok, skipped, warned
from chatmaild.settings import Settings

NAME = "dkim"


def check(settings: Settings) -> Check:
    """Load the key that signs, and compare it with DNS."""
    if not settings.dkim.enable:
        return skipped(NAME, "not used by an IP-only relay")
    try:
        key = load_key(key_path(settings, settings.dkim.selector))
    except (OSError, SettingsError) as error:
        return failed(NAME, str(error), "systemctl restart chatmail-filter")
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
            "chatmail dns prints the record",
        )
    if published != {_key_of(own)}:
        return failed(
            NAME, f"{name} is another key: others refuse our mail", "chatmail dns prints the record"
        )
    return ok(NAME, "the published key is the one that signs")


def _key_of(record: str) -> str:
    """The tag `p=` without the white space and quotation marks that web forms leave in it."""
    tags = dict(part.partition("=")[::2] for part in record.replace('"', "").split(";"))
    keys = {name.strip(): value for name, value in tags.items()}
    return "".join(keys.get("p", "").split())
