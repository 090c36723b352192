"""Import the queue: mail of our addresses and mail for them, each past our own rules.

Queue files are not copied: they would pass the filter, and a relay sends nothing unencrypted. A
message of one of our addresses is given to Postfix' `sendmail`, a message for them to port 25, as
if the other server sent it again.
"""

import re
import smtplib
import ssl
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmaild.address import domain_of
from chatmaild.errors import ChatmaildError, UntakenError
from chatmaild.operator.exchange.upstream import layout
from chatmaild.operator.exchange.upstream.queue_file import Queued, parse
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken
from chatmaild.settings import Settings

QUEUES: Final = ("deferred", "active", "incoming", "hold")
_STATE: Final = "imported-queue"
# a queue file has its message and some records more
_ENVELOPE_BYTES: Final = 1 << 20
_TIMEOUT_S: Final = 120
# a name in the list of what was imported, which has one a line
_QUEUE_ID: Final = re.compile("[0-9A-Za-z]{1,40}")

Submit = Callable[[Queued], None]


@dataclass(slots=True)
class Result:
    """What became of the queue."""

    outgoing: int = 0
    incoming: int = 0
    before: int = 0


def read(tree: Directory, settings: Settings, untaken: Untaken) -> Iterator[tuple[str, Queued]]:
    """Yield the queued messages of a tree with their names and sizes."""
    limit = settings.mail.max_message_bytes + settings.mail.overhead_bytes + _ENVELOPE_BYTES
    for queue in QUEUES:
        place = (*layout.QUEUE, queue)
        try:
            with tree.directory(*place) as directory:
                if directory is not None:
                    yield from _read(directory, "/".join(place), limit, untaken, depth=2)
        except UntakenError as error:
            untaken.add("/".join(place), str(error))


def _read(
    directory: Directory, place: str, limit: int, untaken: Untaken, *, depth: int
) -> Iterator[tuple[str, Queued]]:
    for name, status in sorted(directory.entries().items()):
        try:
            if stat.S_ISDIR(status.st_mode) and depth and len(name) == 1:
                with directory.directory(name) as deeper:
                    if deeper is not None:
                        yield from _read(deeper, f"{place}/{name}", limit, untaken, depth=depth - 1)
            elif not _QUEUE_ID.fullmatch(name):
                untaken.add(f"{place}/{name}", "not the name of a queue file")
            elif data := directory.read(name, limit):
                yield f"{name} {status.st_size}", parse(data)
        except UntakenError as error:
            untaken.add(f"{place}/{name}", str(error))


def is_outgoing(queued: Queued, settings: Settings) -> bool:
    """Whether one of our addresses wrote it."""
    return domain_of(queued.sender) == settings.mail_domain


def problem(queued: Queued, settings: Settings) -> str | None:
    """Why a message stays there, or None."""
    if not queued.recipients:
        return "a queued message that has arrived everywhere"
    if is_outgoing(queued, settings):
        return None
    if all(domain_of(one) == settings.mail_domain for one in queued.recipients):
        return None
    return "a queued message, such as a bounce, that is neither of an address here nor for one"


def import_all(
    tree: Directory, settings: Settings, untaken: Untaken, send: Submit, receive: Submit
) -> Result:
    """Import the queued messages that were not imported before.

    A message is noted after Postfix has it: one that is imported while the command is killed may
    come twice.

    Raises:
        ChatmaildError: Postfix does not take mail.
        OSError: the list of imported messages cannot be written.
    """
    result = Result()
    state = Path(settings.directories.state) / _STATE
    before = set(state.read_text().splitlines()) if state.exists() else set()
    with state.open("a") as file:
        state.chmod(0o600)
        for name, queued in read(tree, settings, untaken):
            if name in before:
                result.before += 1
            elif reason := problem(queued, settings):
                untaken.add(name.partition(" ")[0], reason)
            else:
                outgoing = is_outgoing(queued, settings)
                try:
                    (send if outgoing else receive)(queued)
                except UntakenError as error:
                    untaken.add(name.partition(" ")[0], str(error))
                    continue
                file.write(f"{name}\n")
                file.flush()
                result.outgoing += outgoing
                result.incoming += not outgoing
    return result


def send(queued: Queued) -> None:
    """Give a message to Postfix; the filter then decides, and a refusal is a bounce.

    Raises:
        UntakenError: Postfix does not take this message, such as one that is too large.
        ChatmaildError: Postfix takes no message.
    """
    command = ["sendmail", "-i", "-f", queued.sender, "--", *queued.recipients]
    try:
        subprocess.run(
            command, input=queued.message, check=True, capture_output=True, timeout=_TIMEOUT_S
        )
    except subprocess.CalledProcessError as error:
        raise UntakenError(f"refused by sendmail here ({error.returncode})") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise ChatmaildError("Postfix' sendmail does not take mail: is Postfix running?") from error


def receiver(settings: Settings) -> Submit:
    """A function that delivers to port 25 of this machine."""

    def receive(queued: Queued) -> None:
        try:
            with smtplib.SMTP("127.0.0.1", settings.ports.smtp, timeout=_TIMEOUT_S) as smtp:
                # nobody is between us
                smtp.starttls(context=_no_check())
                smtp.ehlo()
                message = queued.message.replace(b"\n", b"\r\n")
                refused = smtp.sendmail(queued.sender, list(queued.recipients), message)
        except smtplib.SMTPResponseException as error:
            raise UntakenError(f"refused by port 25 here ({error.smtp_code})") from error
        except smtplib.SMTPRecipientsRefused as error:
            raise UntakenError("its recipients are refused by port 25 here") from error
        except (OSError, smtplib.SMTPException) as error:
            raise ChatmaildError(
                "port 25 of this machine does not take mail: is Postfix running?"
            ) from error
        # one that is refused for good does not exist here; for the others the message comes twice
        if any(code < 500 for code, _ in refused.values()):
            raise UntakenError("some of its recipients are refused for now by port 25 here")

    return receive


def _no_check() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
