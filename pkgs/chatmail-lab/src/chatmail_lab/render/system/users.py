"""users.users and users.groups -> sysusers.d(5)."""

from collections.abc import Iterator

from chatmail_lab.render.files import File, text_file
from chatmail_lab.render.values import Attrs, refuse_unknown

KNOWN_USER = frozenset(
    {
        *("isSystemUser", "isNormalUser", "group", "extraGroups", "uid", "home", "description"),
        *("createHome", "shell"),
    }
)
KNOWN_GROUP = frozenset({"gid", "members"})


def _number(value: object) -> str:
    return "-" if value is None else str(value)


def sysusers(users: Attrs, groups: Attrs) -> Iterator[str]:
    """Yield the lines of sysusers.d: groups, users, then memberships."""
    for name, group in sorted(groups.items()):
        refuse_unknown(f"users.groups.{name}", group, KNOWN_GROUP)
        yield f"g {name} {_number(group.get('gid'))}"
    for name, user in sorted(users.items()):
        refuse_unknown(f"users.users.{name}", user, KNOWN_USER)
        # Debian's packages make this user; the configuration only adds it to groups
        if not (user.get("isSystemUser") or user.get("isNormalUser")):
            continue
        description = str(user.get("description", "")).replace('"', "'")
        identity = f"{_number(user.get('uid'))}:{user.get('group') or name}"
        yield f'u {name} {identity} "{description}" {user.get("home") or "-"}'
    for name, user in sorted(users.items()):
        for group in user.get("extraGroups", []):
            yield f"m {name} {group}"
    for name, group in sorted(groups.items()):
        for member in group.get("members", []):
            yield f"m {member} {name}"


def render(users: Attrs) -> list[File]:
    """Return the file of all users and groups."""
    refuse_unknown("users", users, frozenset({"users", "groups"}))
    lines = sysusers(users.get("users", {}), users.get("groups", {}))
    return [text_file("/etc/sysusers.d/chatmail.conf", "\n".join(lines) + "\n")]
