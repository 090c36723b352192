"""services.unbound.settings -> unbound.conf, as NixOS writes it."""

from collections.abc import Iterator

from chatmail_lab.render.files import File, text_file
from chatmail_lab.render.values import Attrs, Data, as_list, refuse_unknown, yes_no

KNOWN = frozenset({"enable", "settings", "resolveLocalQueries", "enableRootTrustAnchor"})


def _lines(name: str, value: Data, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for item in as_list(value):
        if isinstance(item, dict):
            yield f"{indent}{name}:"
            for key in sorted(item):
                yield from _lines(key, item[key], depth + 1)
        else:
            yield f"{indent}{name}: {yes_no(item)}"


def unbound_conf(settings: Attrs) -> str:
    """Return unbound.conf: `server:` first, then the other clauses."""
    names = sorted(settings, key=lambda name: (name != "server", name))
    return "\n".join(line for name in names for line in _lines(name, settings[name], 0)) + "\n"


def render(unbound: Attrs) -> list[File]:
    """Return the files of unbound."""
    refuse_unknown("services.unbound", unbound, KNOWN)
    return [text_file("/etc/unbound/unbound.conf", unbound_conf(unbound["settings"]))]
