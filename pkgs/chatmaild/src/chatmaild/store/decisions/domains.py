"""The rules for domains: those of the options, and those that `chatmail domains` adds to them.

    OPERATOR/domains.json   {"blocked": [RULE, ...], "allowedOnly": [RULE, ...]}

The rules in force are both together.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from chatmaild.errors import DomainError, SettingsError
from chatmaild.net.domains import DomainRules, parse_rule
from chatmaild.settings import Settings
from chatmaild.store.decisions import document

NAME: Final = "domains.json"
BLOCKED: Final = "blocked"
ALLOWED_ONLY: Final = "allowedOnly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """Rules of one origin, in canonical form."""

    blocked: frozenset[str] = frozenset()
    allowed_only: frozenset[str] = frozenset()

    @classmethod
    def of_json(cls, content: Any) -> Self:
        """The lists in decoded JSON.

        Raises:
            ValueError: says what is wrong.
        """
        if not isinstance(content, dict) or content.keys() - {BLOCKED, ALLOWED_ONLY}:
            raise ValueError(f"must be an object with {BLOCKED} and {ALLOWED_ONLY} only")
        lists = [content.get(key, []) for key in (BLOCKED, ALLOWED_ONLY)]
        if not all(isinstance(rules, list) for rules in lists):
            raise ValueError("the rules must be lists")
        if not all(isinstance(rule, str) for rules in lists for rule in rules):
            raise ValueError("a rule must be a text")
        blocked, allowed_only = (_parsed(rules) for rules in lists)
        return cls(blocked=blocked, allowed_only=allowed_only)

    def as_json(self) -> dict[str, list[str]]:
        """The lists for the file."""
        return {BLOCKED: sorted(self.blocked), ALLOWED_ONLY: sorted(self.allowed_only)}

    def with_more(self, other: "Lists", own: str) -> DomainRules:
        """The rules of two origins, for a relay with its own domain."""
        return DomainRules(
            own=own,
            blocked=self.blocked | other.blocked,
            allowed_only=self.allowed_only | other.allowed_only,
        )


def _parsed(rules: Iterable[str]) -> frozenset[str]:
    return frozenset(map(parse_rule, rules))


def declared(settings: Settings) -> Lists:
    """The rules of the options.

    Raises:
        SettingsError: one of them is no domain.
    """
    try:
        return Lists(
            blocked=_parsed(settings.domains.blocked),
            allowed_only=_parsed(settings.domains.allowed_only),
        )
    except DomainError as error:
        raise SettingsError(f"domains: {error}") from error


class Domains:
    """The rules in force; a change of the file counts from the next message."""

    def __init__(self, settings: Settings) -> None:
        """Take the rules of the options.

        Raises:
            SettingsError: see `declared`.
        """
        self._own = settings.mail_domain
        options = declared(settings)

        def parse(content: Any) -> DomainRules:
            return options.with_more(Lists.of_json(content), self._own)

        absent = options.with_more(Lists(), self._own)
        self._file = document.Document(file_of(settings), parse, absent)

    def allow(self, domain: str) -> bool:
        """Whether mail to and from a domain is accepted.

        Raises:
            DecisionError: the file cannot be read; not for the relay's own domain.
        """
        return domain == self._own or self._file.current().allow(domain)


def file_of(settings: Settings) -> Path:
    """The file of the rules that the command adds."""
    return Path(settings.directories.operator) / NAME


def stored(settings: Settings) -> Lists:
    """The rules that the command added.

    Raises:
        DecisionError: the file cannot be read.
    """
    return document.Document(file_of(settings), Lists.of_json, Lists()).current()


def change(settings: Settings, how: Callable[[Lists], Lists]) -> Lists:
    """Change the rules of the command, and return them; in force at once.

    Raises:
        DecisionError: the file cannot be read.
        OSError: it cannot be written; nothing has changed.
    """
    path = file_of(settings)
    with document.locked(path.parent):
        lists = how(stored(settings))
        document.write(path, lists.as_json())
    return lists
