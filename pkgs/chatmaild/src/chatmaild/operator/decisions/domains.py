"""`chatmail domains`: with which domains the relay exchanges mail."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from chatmaild.errors import ChatmaildError
from chatmaild.net.domains import DomainRules, canonical, covering
from chatmaild.operator.privileges import audit
from chatmaild.settings import Settings
from chatmaild.store.decisions import domains as store
from chatmaild.store.decisions.domains import Lists

COMMAND: Final = "command"
OPTIONS: Final = "options"
_OPTION: Final = "services.chatmail.domains"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, and who set it: `command`, `options` or both."""

    domain: str
    set_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All rules in force."""

    blocked: list[Rule]
    allowed_only: list[Rule]

    def as_json(self) -> dict[str, list[dict[str, object]]]:
        """The rules for programs."""
        return {
            store.BLOCKED: [_as_json(rule) for rule in self.blocked],
            store.ALLOWED_ONLY: [_as_json(rule) for rule in self.allowed_only],
        }


def _as_json(rule: Rule) -> dict[str, object]:
    return {"domain": rule.domain, "setBy": list(rule.set_by)}


def block(settings: Settings, domains: Iterable[str]) -> None:
    """Block domains.

    Raises:
        ChatmaildError: one of them is the relay's own; nothing has changed.
    """
    new = _not_own(settings, domains)
    store.change(settings, lambda lists: replace(lists, blocked=lists.blocked | new))
    audit("domains blocked: %d", len(new))


def allow_only(settings: Settings, domains: Iterable[str]) -> None:
    """Allow these domains, those that were allowed so before, and no others.

    Raises:
        ChatmaildError: one of them is the relay's own, or is blocked; nothing has changed.
    """
    new = _not_own(settings, domains)
    options = store.declared(settings)

    def how(lists: Lists) -> Lists:
        for domain in sorted(new):
            if rule := covering(domain, lists.blocked | options.blocked):
                raise ChatmaildError(f"{domain} is blocked by the rule {rule}: remove it first")
        return replace(lists, allowed_only=lists.allowed_only | new)

    store.change(settings, how)
    audit("domains allowed, and no others: %d", len(new))


def remove(settings: Settings, domains: Iterable[str]) -> None:
    """Remove rules that this command set.

    Raises:
        ChatmaildError: there is no such rule, or an option has it; nothing has changed.
    """
    gone, options = frozenset(domains), store.declared(settings)

    def how(lists: Lists) -> Lists:
        for domain in sorted(gone - lists.blocked - lists.allowed_only):
            if domain in options.blocked | options.allowed_only:
                name = store.BLOCKED if domain in options.blocked else store.ALLOWED_ONLY
                raise ChatmaildError(f"{domain} is a rule of {_OPTION}.{name}: remove it there")
            raise ChatmaildError(f"there is no rule {domain}; `chatmail domains list` shows all")
        return Lists(blocked=lists.blocked - gone, allowed_only=lists.allowed_only - gone)

    store.change(settings, how)
    audit("rules for domains removed: %d", len(gone))


def listed(settings: Settings) -> Rules:
    """All rules in force.

    Raises:
        DecisionError: the file of the rules cannot be read.
    """
    ours, options = store.stored(settings), store.declared(settings)
    return Rules(
        blocked=_of_both(ours.blocked, options.blocked),
        allowed_only=_of_both(ours.allowed_only, options.allowed_only),
    )


def in_lines(rules: Rules) -> list[str]:
    """The rules as text: first what they mean together."""
    if rules.allowed_only:
        head = "mail is exchanged with the allowed domains only"
    elif rules.blocked:
        head = "mail is exchanged with all domains that are not blocked"
    else:
        head = "mail is exchanged with all domains"
    kinds = (("allowed", rules.allowed_only), ("blocked", rules.blocked))
    return [
        head,
        *(
            f"{kind}  {rule.domain}  (set by {' and '.join(rule.set_by)})"
            for kind, found in kinds
            for rule in found
        ),
    ]


def check(settings: Settings, domain: str) -> tuple[bool, str]:
    """Whether mail is exchanged with a domain, and a line that names the rule.

    Raises:
        DecisionError: the file of the rules cannot be read.
    """
    own = settings.mail_domain
    rules: DomainRules = store.declared(settings).with_more(store.stored(settings), own)
    name = canonical(domain) or domain
    is_allowed = rules.allow(name)
    if name == own:
        return is_allowed, f"{name}: allowed, because it is this relay's own domain"
    if rule := covering(name, rules.blocked):
        return is_allowed, f"{name}: blocked by the rule {rule}"
    if rule := covering(name, rules.allowed_only):
        return is_allowed, f"{name}: allowed by the rule {rule}"
    if rules.allowed_only:
        return is_allowed, f"{name}: blocked, because only other domains are allowed"
    return is_allowed, f"{name}: allowed, because no rule covers it"


def _not_own(settings: Settings, domains: Iterable[str]) -> frozenset[str]:
    found = frozenset(domains)
    if settings.mail_domain in found:
        raise ChatmaildError(
            f"{settings.mail_domain} is this relay's own domain, which is always allowed"
        )
    return found


def _of_both(ours: frozenset[str], options: frozenset[str]) -> list[Rule]:
    origins = ((COMMAND, ours), (OPTIONS, options))
    return [
        Rule(domain=domain, set_by=tuple(name for name, found in origins if domain in found))
        for domain in sorted(ours | options)
    ]
