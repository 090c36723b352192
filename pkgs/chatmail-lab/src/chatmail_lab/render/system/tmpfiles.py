"""systemd.tmpfiles -> tmpfiles.d(5)."""

from collections.abc import Iterator

from chatmail_lab.render.files import File, text_file
from chatmail_lab.render.values import Attrs, refuse_unknown

KNOWN_RULE = frozenset({"mode", "user", "group", "age", "argument", "type"})


def rules(paths: Attrs) -> Iterator[str]:
    """Yield the lines of `settings.NAME`: a set of paths, each with a set of types."""
    for path, types in sorted(paths.items()):
        for kind, rule in sorted(types.items()):
            refuse_unknown(f'systemd.tmpfiles.settings.*."{path}".{kind}', rule, KNOWN_RULE)
            fields = [rule.get(field) or "-" for field in ("mode", "user", "group", "age")]
            yield " ".join([kind, f'"{path}"', *fields, rule.get("argument", "")]).rstrip()


def render(tmpfiles: Attrs) -> list[File]:
    """Return one file for each name, and one for plain rules."""
    refuse_unknown("systemd.tmpfiles", tmpfiles, frozenset({"settings", "rules"}))
    files = [
        text_file(f"/etc/tmpfiles.d/{name}.conf", "\n".join(rules(paths)) + "\n")
        for name, paths in sorted(tmpfiles.get("settings", {}).items())
    ]
    if tmpfiles.get("rules"):
        files.append(
            text_file("/etc/tmpfiles.d/00-rules.conf", "\n".join(tmpfiles["rules"]) + "\n")
        )
    return files
