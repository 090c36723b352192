"""Ways to write a mailbox in MAIL and RCPT: valid ones, odd ones, and attacks.

The pieces follow the grammar of RFC 5321 section 4.1.2 and the extensions of Postfix: quotes,
escapes, comments, source routes, trailing dots, tags, case, literals of the server, the percent
sign, a missing domain.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Change = Callable[[str, random.Random], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speller:
    """Writes mailboxes of `domain`; `literals` are the IP addresses of its server."""

    domain: str
    literals: Sequence[str]
    other_domain: str
    chance: random.Random

    def path(self, name: str) -> str:
        """Returns one way to write the mailbox `name`, with or without its brackets."""
        local = _changed(name, LOCAL, self.chance)
        domain = _changed(self._domain(), DOMAIN, self.chance)
        mailbox = self._joined(local, domain)
        route = self.chance.choice(ROUTES).format(domain=self.domain, other=self.other_domain)
        return self.chance.choice(BRACKETS).format(f"{route}{mailbox}")

    def _domain(self) -> str:
        literals = [f"[{literal}]" for literal in self.literals]
        usual = [self.domain] * (4 * len(literals) + 12)
        return self.chance.choice([*usual, *literals, "[127.0.0.1]", self.other_domain, ""])

    def _joined(self, local: str, domain: str) -> str:
        if not domain:
            return local
        joints = ["@"] * 36 + ["@@", " @", "@ ", "%", "(x)@(y)", f"@{self.other_domain}@"]
        return f"{local}{self.chance.choice(joints)}{domain}"


def _changed(text: str, changes: Sequence[Change], chance: random.Random) -> str:
    for _ in range(chance.choice([0, 0, 0, 1, 1, 2])):
        text = chance.choice(changes)(text, chance)
    return text


def _somewhere(insert: str) -> Change:
    def change(text: str, chance: random.Random) -> str:
        at = chance.randrange(len(text) + 1)
        return text[:at] + insert + text[at:]

    return change


def _case(text: str, chance: random.Random) -> str:
    return "".join(chance.choice([char, char.upper()]) for char in text)


def _escaped(text: str, chance: random.Random) -> str:
    inside = "".join(chance.choice([char, f"\\{char}"]) for char in text.replace('"', ""))
    return f'"{inside}"'


def _half_quoted(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return chance.choice([f'"{text[:at]}"{text[at:]}', f'{text[:at]}"{text[at:]}"'])


LOCAL: Sequence[Change] = [
    _case,
    _escaped,
    _half_quoted,
    lambda text, _: f'"{text}"',
    lambda text, chance: f"{text}+{chance.choice(['', 'tag', '+', 'a+b', 'x.y'])}",
    lambda text, _: f"+{text}",
    lambda text, _: f"{text}.",
    lambda text, _: f".{text}",
    lambda text, _: f"{text}(comment)",
    lambda text, _: f"(a (nested) one){text}",
    lambda text, _: f"{text}%a.test",
    lambda text, _: f"a.test!{text}",
    lambda text, _: f'"{text} "',
    lambda text, _: f"../{text}",
    lambda text, _: f"{text}/../{text}",
    lambda text, _: text.replace(text[:1], chr(ord(text[0]) + 0xFEE0), 1) if text else text,
    _somewhere("\\"),
    _somewhere('""'),
    _somewhere(" "),
    _somewhere("\t"),
    _somewhere("\N{ZERO WIDTH SPACE}"),
    _somewhere("\x01"),
]
DOMAIN: Sequence[Change] = [
    _case,
    lambda text, _: f"{text}.",
    lambda text, _: f"{text}..",
    lambda text, _: f".{text}",
    lambda text, _: f"{text}(comment)",
    lambda text, _: f'"{text}"',
    lambda text, _: f"{text}:25",
    lambda text, _: text.replace(".", "\N{FULLWIDTH FULL STOP}"),
    lambda text, _: text.replace(".", "\\."),
    _somewhere(" "),
]
ROUTES = [*[""] * 24, "@{other}:", "@{domain}:", "@{other},@{domain}:", "@:", "{other}!"]
BRACKETS = [*["<{}>"] * 36, "{}", "< {} >", "<<{}>>", "Name <{}>", "<{}", "<{}>x"]
