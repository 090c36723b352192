"""What a tree of an upstream relay has, and what becomes of it here."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chatmaild.errors import ChatmaildError, UntakenError
from chatmaild.expire.retention import too_old
from chatmaild.operator.exchange import acme, dkim, queue
from chatmaild.operator.exchange.importing import UNVERIFIABLE, Importer, Kind, addresses
from chatmaild.operator.exchange.upstream import layout
from chatmaild.operator.exchange.upstream.mailbox import OldMailbox, read
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken, shown
from chatmaild.settings import Settings


@dataclass(slots=True)
class Survey:
    """The counts; `differences` are settings with other values here."""

    domain: str
    kinds: Counter[Kind] = field(default_factory=Counter)
    messages: int = 0
    size_bytes: int = 0
    old_messages: int = 0
    tokens: int = 0
    disabled: int = 0
    blocked: int = 0
    clear_text: int = 0
    keys: list[dkim.Key] = field(default_factory=list)

    outgoing: int = 0
    incoming: int = 0
    acme_accounts: acme.Found = field(default_factory=acme.Found)
    differences: list[layout.Difference] = field(default_factory=list)
    untaken: Untaken = field(default_factory=Untaken)

    def lines(self, settings: Settings) -> list[str]:
        """The survey as text."""
        total = sum(self.kinds.values())
        kinds = ", ".join(f"{self.kinds[kind]} {kind.value}" for kind in Kind if self.kinds[kind])
        lines = [
            f"found       an upstream relay for {self.domain}",
            f"addresses   {total}" + (f": {kinds}" if kinds else ""),
            f"            {self.disabled} disabled, {self.blocked} blocked,"
            f" {self.clear_text} accept clear text; {self.tokens} device tokens",
            f"messages    {self.messages}, {self.size_bytes / 1e6:.1f} MB;"
            f" {self.old_messages} older are beyond retention, and stay there",
            *self._dkim_lines(settings),
            f"queue       {self.outgoing} messages to send, {self.incoming} for addresses here"
            + ("; --queue imports them" if self.outgoing + self.incoming else ""),
            *self.acme_accounts.lines(),
        ]
        for one in self.differences:
            option = f"services.chatmail.{one.option}"
            lines.append(
                f"setting     {option}: {shown(one.there)} there, {one.here or 'none'} here"
            )
        return lines + [f"not taken   {line}" for line in self.untaken.lines()]

    def _dkim_lines(self, settings: Settings) -> list[str]:
        if not self.keys:
            return ["DKIM key    none"]
        lines = [f"DKIM key    selector {key.selector}, {key.bits} bits" for key in self.keys]
        wanted = self.keys[0].selector
        if settings.dkim.enable and settings.dkim.selector != wanted:
            lines.append(
                f'            set services.chatmail.dkim.selector = "{wanted}", and DNS needs no'
                f" change; now this relay signs with {settings.dkim.selector}"
            )
        return lines

    def document(self) -> dict[str, Any]:
        """The survey for programs."""
        return {
            "domain": self.domain,
            "addresses": {
                kind.name.lower(): self.kinds[kind]
                for kind in Kind
                # only on a store of several
                if kind is not Kind.ELSEWHERE or self.kinds[kind]
            },
            "disabled": self.disabled,
            "blocked": self.blocked,
            "clearText": self.clear_text,
            "deviceTokens": self.tokens,
            "messages": self.messages,
            "bytes": self.size_bytes,
            "oldMessages": self.old_messages,
            "dkimSelectors": [key.selector for key in self.keys],
            "queue": {"outgoing": self.outgoing, "incoming": self.incoming},
            "acmeAccounts": self.acme_accounts.document(),
            "settings": {one.option: one.there for one in self.differences},
            "notTaken": {reason: n for reason, (n, _) in sorted(self.untaken.reasons.items())},
        }


def look(
    tree: Directory, mail: Directory, settings: Settings, importer: Importer, *, now_s: float
) -> Survey:
    """Look at everything in a tree, and change nothing.

    Raises:
        OSError: a file of this relay cannot be read, or the disk of the tree fails.
    """
    survey = Survey(domain=settings.mail_domain)
    untaken = survey.untaken
    for address in addresses(mail, settings.mail_domain, untaken):
        try:
            with mail.directory(str(address)) as directory:
                old = read(directory, address, untaken) if directory else None
        except UntakenError as error:
            untaken.add(str(address), str(error))
            continue
        kind = importer.kind(old)
        survey.kinds[kind] += 1
        if old is not None and kind in (Kind.NEW, Kind.KNOWN):
            _count(survey, old, settings, now_s)
        else:
            untaken.add(str(address), kind.value)
    survey.keys = dkim.find(tree, settings.mail_domain, untaken)
    for name, queued in queue.read(tree, settings, untaken):
        if reason := queue.problem(queued, settings):
            untaken.add(name.partition(" ")[0], reason)
        elif queue.is_outgoing(queued, settings):
            survey.outgoing += 1
        else:
            survey.incoming += 1
    survey.differences = layout.differences(_parameters(tree, untaken), settings)
    return survey


def _count(survey: Survey, old: OldMailbox, settings: Settings, now_s: float) -> None:
    for message in old.messages:
        if too_old(message.facts(), settings.retention, now_s):
            survey.old_messages += 1
        else:
            survey.messages += 1
            survey.size_bytes += message.size_bytes
    survey.tokens += len(old.tokens)
    survey.disabled += old.disabled
    survey.blocked += not old.encoded
    survey.clear_text += not old.enforces_encryption
    if not layout.is_good_hash(old.encoded):
        survey.untaken.add(str(old.address), UNVERIFIABLE)


def _parameters(tree: Directory, untaken: Untaken) -> dict[str, str]:
    try:
        with tree.directory(*layout.INI) as directory:
            ini = directory.read(layout.INI_FILE, layout.SETTINGS_LIMIT) if directory else None
    except UntakenError as error:
        untaken.add("/".join((*layout.INI, layout.INI_FILE)), str(error))
        return {}
    return layout.parameters(ini or b"")


def check_domain(tree: Directory, settings: Settings, path: Path) -> None:
    """Make sure that the tree is of this relay's domain.

    Raises:
        ChatmaildError: its chatmail.ini names another domain.
    """
    there = _parameters(tree, Untaken()).get("mail_domain", "").strip()
    if there and there != layout.mail_directory(settings.mail_domain):
        raise ChatmaildError(
            f"{path} is of the relay {shown(there)}, and this relay is {settings.mail_domain}:"
            " set services.chatmail.domain first"
        )
