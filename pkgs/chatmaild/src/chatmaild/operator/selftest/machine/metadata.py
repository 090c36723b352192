"""IMAP METADATA: the keys that clients read, and the device token for notifications."""

import secrets
from collections.abc import Mapping
from typing import Final

from chatmaild.operator.selftest.mailing import imap_session
from chatmaild.operator.selftest.people import Person
from chatmaild.operator.selftest.report import Check, failed, ok
from chatmaild.settings import Settings

NAME: Final = "metadata"
SERVER: Final = "/shared/vendor/deltachat"
TOKEN: Final = "/private/devicetoken"  # noqa: S105 - a key's name
ADMIN: Final = "/shared/admin"
REPAIR: Final = "systemctl restart chatmail-accounts; journalctl --unit chatmail-accounts"


def check(settings: Settings, person: Person) -> Check:
    """Read the keys of the server, and set, read and remove a device token."""
    keys = [f"{SERVER}/maxsmtprecipients", f"{SERVER}/turn", f"{SERVER}/irohrelay", ADMIN]
    with imap_session(settings, person) as client:
        found = {key: client.metadata(key) for key in keys}
        # in Apple's form, of no phone; removed before a message can arrive
        token = secrets.token_hex(32)
        client.set_metadata("INBOX", TOKEN, token)
        try:
            kept = client.metadata(TOKEN, "INBOX")
        finally:
            client.set_metadata("INBOX", TOKEN, None)
    return judge(settings, found, token_is_kept=kept == token)


def judge(settings: Settings, found: Mapping[str, str | None], *, token_is_kept: bool) -> Check:
    """Decide: every key of the settings is there."""
    wanted = {f"{SERVER}/maxsmtprecipients": str(settings.mail.max_recipients)}
    if settings.iroh.url:
        wanted[f"{SERVER}/irohrelay"] = settings.iroh.url
    if settings.contact.mail:
        wanted[ADMIN] = f"mailto:{settings.contact.mail}"
    wrong = [key for key, value in wanted.items() if found.get(key) != value]
    if settings.turn.enable and not found.get(f"{SERVER}/turn"):
        wrong.append(f"{SERVER}/turn")
    if wrong:
        names = ", ".join(key.rpartition("/")[2] for key in wrong)
        return failed(NAME, f"clients do not get {names}", REPAIR)
    if not token_is_kept:
        return failed(NAME, "a device token is not stored: phones get no notification", REPAIR)
    return ok(NAME, "clients get all keys, and device tokens are stored")
