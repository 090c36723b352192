"""Published records as others read them: with aliases followed and TXT strings joined."""

import re
from collections.abc import Callable
from typing import Final

# name and type -> published values in presentation form; empty for none
Ask = Callable[[str, str], list[str]]

# resolvers follow about as many
_MAX_ALIASES: Final = 8
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE: Final = re.compile(r"\\([0-9]{3}|.)")


class Published:
    """The published records; each name and type is queried once."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}

    def values(self, name: str, kind: str) -> tuple[str, ...]:
        """Return the values of a name and type, also behind aliases; empty for none.

        Raises:
            ChatmaildError: no server answers.
        """
        for _ in range(_MAX_ALIASES):
            values = self._once(name, kind)
            target = None if values or kind == "CNAME" else self.alias(name)
            if target is None:
                return values
            name = target
        return ()

    def alias(self, name: str) -> str | None:
        """Return the target of a CNAME record, without the last dot, or None."""
        targets = self._once(name, "CNAME")
        return host(targets[0]) if targets else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the TXT records of a name, each as one string."""
        return tuple(text_of(value) for value in self.values(name, "TXT"))

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the IP addresses of a name."""
        return self.values(name, "A") + self.values(name, "AAAA")

    def _once(self, name: str, kind: str) -> tuple[str, ...]:
        key = host(name), kind
        if key not in self._known:
            self._known[key] = tuple(self._ask(*key))
        return self._known[key]


def text_of(value: str) -> str:
    """Return a TXT record as one string (RFC 1035 section 5.1)."""
    if not value.startswith('"'):
        return value
    return _ESCAPE.sub(_unescaped, "".join(_STRING.findall(value)))


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1])) if found[1].isdecimal() and len(found[1]) == 3 else found[1]


def host(name: str) -> str:
    """Return a host name in lower case without the last dot."""
    return name.lower().rstrip(".")
