"""users.users and users.groups -> sysusers.d(5)."""

from collections.abc import Iterator

from chatmail_lab.render.files import File, text
from chatmail_lab.render.values import Attrs, only

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
    """Lines of sysusers.d: groups, users, then who is in which group."""
    for name, group in sorted(groups.items()):
        only(f"users.groups.{name}", group, KNOWN_GROUP)
        yield f"g {name} {_number(group.get('gid'))}"
    for name, user in sorted(users.items()):
        only(f"users.users.{name}", user, KNOWN_USER)
        # a mere addition to a user that Debian's packages make
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
    """The file of all users and groups."""
    only("users", users, frozenset({"users", "groups"}))
    lines = sysusers(users.get("users", {}), users.get("groups", {}))
    return [text("/etc/sysusers.d/chatmail.conf", "\n".join(lines) + "\n")]
