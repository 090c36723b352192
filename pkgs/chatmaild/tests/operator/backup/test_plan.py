"""What is copied, and what is not."""

import dataclasses
import fnmatch
from dataclasses import fields

import pytest

from chatmaild.operator.backup import plan
from chatmaild.settings import Settings


def _is_copied(relay: Settings, path: str, *, with_mail: bool) -> bool:
    """Whether a path below the state directory is copied, by restic's rules.

    A pattern also matches what is below.
    """
    patterns = plan.excludes(relay, with_mail=with_mail)
    return not any(_matches(path, pattern) for pattern in patterns)


def _matches(path: str, pattern: str) -> bool:
    names, globs = path.split("/"), pattern.split("/")
    if "**" in globs:
        at = globs.index("**")
        rest = "/".join(globs[at + 1 :])
        return _matches("/".join(names[:at]), "/".join(globs[:at])) and any(
            _matches("/".join(names[start:]), rest) for start in range(at, len(names))
        )
    return len(names) >= len(globs) and all(map(fnmatch.fnmatchcase, names, globs))


@pytest.mark.parametrize(
    ("path", "without", "with_"),
    [
        ("mail/a@b.c/password", False, True),
        ("mail/a@b.c/enforceE2EEincoming", False, True),
        ("mail/a@b.c/DISABLED", False, True),
        ("mail/a@b.c/metadata.json", False, True),
        ("mail/a@b.c/cur/1.M1P1.x,S=1:2,S", False, True),
        ("mail/a@b.c/.Archive/new/1.M1P1.x", False, True),
        ("mail/a@b.c/dovecot-uidlist", False, True),
        ("mail/a@b.c/subscriptions", False, True),
        ("mail/a@b.c/mailboxes/INBOX/dbox-Mails/u.1", False, True),
        ("mail/a@b.c/mailboxes/INBOX/dbox-Mails/dovecot.index", False, True),
        ("mail/a@b.c/mailboxes/INBOX/dbox-Mails/dovecot.index.log", False, True),
        ("mail/a@b.c/mailboxes/Work/&AOQ-/dbox-Mails/dovecot.index.log.2", False, True),
        ("mail/a@b.c/dovecot-uidvalidity", False, True),
        # delivery that has not ended, and what Dovecot makes again
        ("mail/a@b.c/tmp/1.M1P1.x", False, False),
        ("mail/a@b.c/.Archive/tmp/1.M1P1.x", False, False),
        ("mail/a@b.c/dovecot.index.cache", False, False),
        ("mail/a@b.c/.Archive/dovecot.index", False, False),
        ("mail/a@b.c/mailboxes/INBOX/dbox-Mails/dovecot.index.cache", False, False),
        ("mail/a@b.c/mailboxes/Work/&AOQ-/dbox-Mails/dovecot.index.cache", False, False),
        ("mail/a@b.c/mailboxes/INBOX/dbox-Mails/dovecot.index.backup", False, False),
        ("mail/a@b.c/mailboxes/INBOX/dbox-Mails/.temp.host.1.2", False, False),
        ("mail/a@b.c/dovecot.list.index.log", False, False),
        ("mail/a@b.c/.password.0f0f0f.tmp", False, False),
        ("mail/.deleted-0f0f/cur/1.M1P1.x", False, False),
        ("accounts/invites/abcdefgh", True, True),
        ("accounts/deleted/2026-11-29", True, True),
        ("accounts/closed", True, True),
        ("accounts/pending_notifications/0f", False, True),
        ("dkim/chatmail.private", True, True),
        ("tls/key.pem", True, True),
        ("turn/secret", True, True),
        ("transport/silence/domains", True, True),
        # a directory that a later version makes
        ("policy/domains", True, True),
        ("numbers/addresses.json", False, False),
        ("backup/last.json", False, False),
        ("selftest.json", False, False),
    ],
)
def test_what_is_copied(relay: Settings, path: str, without: bool, with_: bool) -> None:
    """All state but counts; mail on request."""
    full = f"{relay.directories.state}/{path}"

    assert _is_copied(relay, full, with_mail=False) == without
    assert _is_copied(relay, full, with_mail=True) == with_


def test_every_directory_of_the_settings_has_a_place(relay: Settings) -> None:
    """A new one is in a backup, or here with its reason."""
    without = {
        "dovecot_base": "sockets",
        "postfix_queue": "with mail only",
    }
    paths = plan.paths(plan.places(relay, with_mail=False))
    named = {
        field.name: getattr(relay.directories, field.name) for field in fields(relay.directories)
    }

    missing = {
        name
        for name, directory in named.items()
        if not any(f"{directory}/".startswith(f"{path}/") for path in paths)
    }

    assert missing == set(without)


def test_the_queue_belongs_to_mail(relay: Settings) -> None:
    """Its sockets do not belong to it."""
    queue = relay.directories.postfix_queue
    [place] = [p for p in plan.places(relay, with_mail=True) if p.kind == plan.QUEUE]

    assert f"{queue}/deferred" in place.paths
    assert f"{queue}/private" not in place.paths
    assert not any(queue in path for path in plan.paths(plan.places(relay, with_mail=False)))


def test_the_acme_account_is_copied(relay: Settings) -> None:
    """The CAA record names it; certificates of other sites stay where they are."""
    acme = dataclasses.replace(
        relay,
        tls=dataclasses.replace(relay.tls, mode="acme"),
        directories=dataclasses.replace(relay.directories, tls="/var/lib/acme/chat.example.org"),
    )

    assert {
        path for path in plan.paths(plan.places(acme, with_mail=False)) if "/acme/" in path
    } == {
        "/var/lib/acme/.lego/accounts",
        "/var/lib/acme/.lego/chat.example.org",
        "/var/lib/acme/chat.example.org",
    }


def test_paths_below_others_are_not_named_twice(relay: Settings) -> None:
    """Mail is below the state."""
    paths = plan.paths(plan.places(relay, with_mail=True))

    assert relay.directories.state in paths
    assert relay.directories.mail not in paths


def test_a_path_is_no_pattern(relay: Settings) -> None:
    """Brackets in a name match themselves."""
    odd = dataclasses.replace(
        relay, directories=dataclasses.replace(relay.directories, numbers="/srv/a[b]*/numbers")
    )

    assert "/srv/a\\[b]\\*/numbers" in plan.excludes(odd, with_mail=False)
