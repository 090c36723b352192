"""The DKIM key: it can sign, and DNS publishes it."""

from chatmaild.dkim.keys import key_path, load_key, public_record
from chatmaild.dkim.resolver import query_txt
from chatmaild.errors import KeyUnavailableError, SettingsError
from chatmaild.operator.selftest.report import Check, failed, passed, warned
from chatmaild.settings import Settings

NAME = "dkim"


def check(settings: Settings) -> Check:
    """Load the key that signs, and compare it with DNS."""
    if not settings.dkim.enable:
        return passed(NAME, "not used by an IP-only relay")
    try:
        key = load_key(key_path(settings, settings.dkim.selector))
    except (OSError, SettingsError) as error:
        return failed(NAME, str(error))
    name = f"{settings.dkim.selector}._domainkey.{settings.mail_domain}"
    try:
        texts = query_txt(name).texts
    except KeyUnavailableError:
        return warned(NAME, "the key can sign; DNS gave no answer about the published one")
    return judge(name, texts, public_record(key))


def judge(name: str, texts: tuple[str, ...], own: str) -> Check:
    """Decide: the published key is the own one."""
    published = {_key_of(text) for text in texts}
    if not texts:
        return failed(NAME, f"{name} is not published; `chatmail dns` prints the record")
    if published != {_key_of(own)}:
        return failed(NAME, f"{name} is another key; `chatmail dns` prints the right record")
    return passed(NAME, "the published key is the one that signs")


def _key_of(record: str) -> str:
    """The tag `p=` without the white space and quotation marks that web forms leave in it."""
    tags = dict(part.partition("=")[::2] for part in record.replace('"', "").split(";"))
    keys = {name.strip(): value for name, value in tags.items()}
    return "".join(keys.get("p", "").split())
