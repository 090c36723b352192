"""services.dovecot2.settings -> dovecot.conf of Dovecot 2.4, as NixOS writes it."""

from collections.abc import Iterator

from chatmail_lab.render.files import File, text_file
from chatmail_lab.render.values import Attrs, Data, refuse_unknown, yes_no

KNOWN = frozenset({"enable", "enablePAM", "package", "settings"})

# Dovecot 2.4 requires these two before all other settings
VERSIONS = ("dovecot_config_version", "dovecot_storage_version")


def _lines(name: str, value: Data, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if value is None:
        return
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for item in value:
            yield from _lines(name, item, depth)
    elif isinstance(value, list):
        yield f"{indent}{name} = {' '.join(map(yes_no, value))}"
    elif isinstance(value, dict):
        section = value.get("_section", {})
        title = [section.get("type") or name, *filter(None, [section.get("name")])]
        yield f"{indent}{' '.join(title)} {{"
        for key in sorted(value):
            if key != "_section":
                yield from _lines(key, value[key], depth + 1)
        yield f"{indent}}}"
    else:
        yield f"{indent}{name} = {yes_no(value)}"


def dovecot_conf(settings: Attrs) -> str:
    """Return dovecot.conf: the versions, then all other settings in alphabetical order."""
    rest = sorted(set(settings) - set(VERSIONS))
    names = [*(name for name in VERSIONS if name in settings), *rest]
    return "\n".join(line for name in names for line in _lines(name, settings[name], 0)) + "\n"


def render(dovecot: Attrs) -> list[File]:
    """Return the files of Dovecot."""
    refuse_unknown("services.dovecot2", dovecot, KNOWN)
    return [text_file("/etc/dovecot/dovecot.conf", dovecot_conf(dovecot["settings"]))]
