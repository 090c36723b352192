"""`chatmail import` and `chatmail export`."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from chatmaild.errors import ChatmaildError, UntakenError
from chatmaild.operator.exchange import acme, dkim, exporting, importing, queue
from chatmaild.operator.exchange.importing import Importer, Kind
from chatmaild.operator.exchange.survey import Survey, check_domain, look
from chatmaild.operator.exchange.upstream import layout
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken
from chatmaild.operator.privileges import acting_as, audit
from chatmaild.operator.storage import command as storage
from chatmaild.settings import Settings

Print = Callable[[str], None]
# shows how far it is: takes an iterator and its length
Progress = Callable[[Iterable[None], int], Iterable[None]]


def import_tree(
    settings: Settings,
    path: Path,
    *,
    dry_run: bool,
    with_queue: bool,
    into_existing: bool,
    wants_json: bool,
    say: Print,
    progress: Progress,
) -> int:
    """Look at a tree, say what is in it, import it, and say what came.

    Raises:
        ChatmaildError: it is not the tree of a relay with this domain, or another import runs.
        OSError: the disk is full or fails; what came before that stays.
    """
    if with_queue and settings.cluster.role == "store":
        raise ChatmaildError("a store sends no mail: let the old machine deliver its queue")
    now_s = time.time()
    with contextlib.ExitStack() as stack:
        tree = stack.enter_context(Directory.at(path))
        check_domain(tree, settings, path)
        with acting_as(settings.users.mail):
            mail = _mail(stack, tree, settings, path)
            importer = Importer(settings, Untaken(), now_s=now_s, into_existing=into_existing)
            survey = look(tree, mail, settings, importer, now_s=now_s)
        survey.acme_accounts = acme.look(tree, settings, survey.untaken)
        document: dict[str, Any] = {"found": survey.document()}
        if not wants_json:
            for line in survey.lines(settings):
                say(line)
        if not dry_run:
            stack.enter_context(_alone(settings))
            document |= _import(
                settings, tree, mail, survey, into_existing, with_queue, now_s, progress
            )
            if not wants_json:
                for line in _import_lines(document):
                    say(line)
        if wants_json:
            say(json.dumps(document))
    return int(document.get("imported", {}).get("wrong", 0) > 0)


def _import(
    settings: Settings,
    tree: Directory,
    mail: Directory,
    survey: Survey,
    into_existing: bool,
    with_queue: bool,
    now_s: float,
    progress: Progress,
) -> dict[str, Any]:
    untaken = Untaken()
    importer = Importer(settings, untaken, now_s=now_s, into_existing=into_existing)
    with acting_as(settings.users.mail):
        importing.remove_stages(settings)
        found = importing.addresses(mail, settings.mail_domain, Untaken())
        work = importing.import_all(mail, found, importer, untaken)
        try:
            for _ in progress(work, sum(survey.kinds.values())):
                pass
        except KeyboardInterrupt as error:
            raise ChatmaildError(
                "interrupted: what was imported stays; repeat the command for the rest"
            ) from error
    result = importer.result
    if result.kinds[Kind.NEW]:
        storage.convert_imported()
    signs = settings.dkim.enable and settings.cluster.role != "store"
    keys = dkim.install(settings, survey.keys) if signs else []
    account = acme.install(survey.acme_accounts, untaken)
    document: dict[str, Any] = {
        "imported": {
            "addresses": result.kinds[Kind.NEW],
            "known": result.kinds[Kind.KNOWN],
            "messages": result.messages,
            "bytes": result.size_bytes,
            "flags": result.flags,
            "dkimSelectors": keys,
            "acmeAccount": account,
            "wrong": result.wrong,
        }
    }
    if with_queue:
        queued = queue.import_all(tree, settings, untaken, queue.send, queue.receiver(settings))
        document["imported"]["queue"] = {
            "outgoing": queued.outgoing,
            "incoming": queued.incoming,
            "before": queued.before,
        }
    document["notTaken"] = {reason: n for reason, (n, _) in sorted(untaken.reasons.items())}
    audit("import: %d addresses, %d messages", result.kinds[Kind.NEW], result.messages)
    return document


def _import_lines(document: dict[str, Any]) -> Iterator[str]:
    done = document["imported"]
    yield (
        f"imported    {done['addresses']} addresses, {done['messages']} messages"
        f" ({done['bytes'] / 1e6:.1f} MB) and {done['flags']} changed flags;"
        f" {done['known']} addresses were here from an earlier import"
    )
    if done["dkimSelectors"]:
        yield f"            DKIM key of selector {', '.join(done['dkimSelectors'])}"
    if account := done["acmeAccount"]:
        yield f"            ACME account {account['url'] or 'whose URL is not known yet'}"
        if account["replaced"]:
            yield f"            this machine's ACME account was moved to {account['replaced']}"
    if queued := done.get("queue"):
        yield (
            f"            queue: {queued['outgoing']} messages to send, {queued['incoming']} for"
            f" addresses here; {queued['before']} came before"
        )
    if done["wrong"]:
        yield f"verified    {done['wrong']} messages are NOT on disk as they were written"
    else:
        yield "verified    all that came is on disk with its size"
    for reason, number in document["notTaken"].items():
        if document["found"]["notTaken"].get(reason) != number:
            yield f"not taken   {number}: {reason}"


def export_tree(
    settings: Settings, path: Path, *, wants_json: bool, say: Print, progress: Progress
) -> int:
    """Write this relay as a tree of an upstream relay, and say what was written.

    Raises:
        ChatmaildError: the directory is not empty.
        OSError: the disk is full or fails.
    """
    exporting.prepare(path)
    untaken, result = Untaken(), exporting.Result()
    work = exporting.export_all(settings, path, untaken, result, now_s=time.time())
    number = sum("@" in name for name in os.listdir(settings.directories.mail))  # noqa: PTH208
    for _ in progress(work, number):
        pass
    audit("export: %d addresses, %d messages", result.addresses, result.messages)
    if wants_json:
        document = {
            "addresses": result.addresses,
            "messages": result.messages,
            "bytes": result.size_bytes,
            "wrong": result.wrong,
            "dkimRecord": result.record,
            "acmeServer": result.acme_server,
            "notTaken": {reason: n for reason, (n, _) in sorted(untaken.reasons.items())},
        }
        say(json.dumps(document))
        return int(result.wrong > 0)
    say(
        f"exported    {result.addresses} addresses, {result.messages} messages"
        f" ({result.size_bytes / 1e6:.1f} MB) to {path}; keep it secret"
    )
    if result.record is not None:
        say(f"DNS         publish {layout.SELECTOR}._domainkey.{settings.mail_domain} as TXT:")
        say(f"            {result.record}")
    if result.acme_server is not None:
        say(f"ACME        the account at {result.acme_server} comes along")
    say("queue       stays here: stop this relay when `chatmail queue` shows no mail")
    for line in untaken.lines():
        say(f"not taken   {line}")
    return int(result.wrong > 0)


def _mail(
    stack: contextlib.ExitStack, tree: Directory, settings: Settings, path: Path
) -> Directory:
    """The directory with the mailboxes, until the stack ends: in a tree, or the tree itself.

    Raises:
        ChatmaildError: there is none.
    """
    place = (*layout.MAIL, layout.mail_directory(settings.mail_domain))
    try:
        if mail := stack.enter_context(tree.directory(*place)):
            return mail
    except UntakenError as error:
        raise ChatmaildError(f"{path}/{'/'.join(place)}: {error}, which is not followed") from error
    if any(layout.address_of(name, settings.mail_domain) for name in tree.names()):
        return tree
    raise ChatmaildError(
        f"{path} has neither {'/'.join(place)} nor mailboxes of @{settings.mail_domain}"
    )


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Let one import run at a time.

    Raises:
        ChatmaildError: another one runs.
    """
    descriptor = os.open(settings.directories.mail, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ChatmaildError("another import runs: wait until it ends") from error
        yield
    finally:
        os.close(descriptor)
