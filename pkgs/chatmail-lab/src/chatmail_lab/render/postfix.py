"""services.postfix -> main.cf and master.cf, as NixOS writes them."""

from collections.abc import Sequence
from typing import Any

from chatmail_lab.render.files import File, text_file
from chatmail_lab.render.values import Attrs, Data, refuse_unknown, yes_no

KNOWN = frozenset(
    {
        *("enable", "enableSmtp", "enableSubmission", "enableSubmissions", "postmasterAlias"),
        *("rootAlias", "settings", "submissionOptions", "submissionsOptions"),
    }
)

# the entries of every NixOS machine with Postfix, except those of SMTP_MASTER
DEFAULT_MASTER: dict[str, dict[str, Any]] = {
    "pickup": {"private": False, "wakeup": 60, "maxproc": 1},
    "cleanup": {"private": False, "maxproc": 0},
    "qmgr": {"private": False, "wakeup": 300, "maxproc": 1},
    "tlsmgr": {"wakeup": 1000, "wakeupUnusedComponent": False, "maxproc": 1},
    "rewrite": {"command": "trivial-rewrite"},
    "bounce": {"maxproc": 0},
    "defer": {"maxproc": 0, "command": "bounce"},
    "trace": {"maxproc": 0, "command": "bounce"},
    "verify": {"maxproc": 1},
    "flush": {"private": False, "wakeup": 1000, "wakeupUnusedComponent": False, "maxproc": 0},
    "proxymap": {},
    "proxywrite": {"maxproc": 1, "command": "proxymap"},
    "showq": {"private": False},
    "error": {},
    "retry": {"command": "error"},
    "discard": {},
    "local": {"privileged": True},
    "virtual": {"privileged": True},
    "lmtp": {},
    "anvil": {"maxproc": 1},
    "scache": {"maxproc": 1},
}
SMTP_MASTER: dict[str, dict[str, Any]] = {
    "smtp_inet": {"name": "smtp", "type": "inet", "private": False, "command": "smtpd"},
    "smtp": {},
    "relay": {"command": "smtp", "args": ["-o", "smtp_fallback_relay="]},
}


def main_cf(settings: Attrs) -> str:
    """Return main.cf: null is omitted, lists are joined by commas."""
    lines = []
    for name, value in sorted(settings.items()):
        if value is None:
            continue
        shown = ", ".join(map(yes_no, value)) if isinstance(value, list) else yes_no(value)
        lines.append(f"{name} = {shown}".rstrip())
    return "\n".join(lines) + "\n"


def master_entries(postfix: Attrs) -> dict[str, dict[str, Any]]:
    """Return the entries of master.cf: NixOS' defaults, changed by the configuration."""
    entries = {name: dict(entry) for name, entry in DEFAULT_MASTER.items()}
    if postfix.get("enableSmtp", True):
        entries |= {name: dict(entry) for name, entry in SMTP_MASTER.items()}
    for name in ("submission", "submissions"):
        if postfix.get(f"enable{name.capitalize()}", False):
            options = dict(postfix.get(f"{name}Options", {}))
            if name == "submissions":
                options["smtpd_tls_wrappermode"] = "yes"
            args = [arg for key in sorted(options) for arg in ("-o", f"{key}={options[key]}")]
            entries[name] = {"type": "inet", "private": False, "command": "smtpd", "args": args}
    for name, entry in postfix.get("settings", {}).get("master", {}).items():
        base = entries.get(name, {})
        merged = base | entry
        if base.get("args") and entry.get("args"):
            merged["args"] = [*base["args"], *entry["args"]]
        entries[name] = merged
    return entries


def _flag(value: Data) -> str:
    return "-" if value is None else ("y" if value else "n")


def master_line(attribute: str, entry: Attrs) -> str:
    """Return one line of master.cf (master(5))."""
    wakeup = entry.get("wakeup")
    shown_wakeup = "-" if wakeup is None else str(wakeup)
    if wakeup is not None and not entry.get("wakeupUnusedComponent", True):
        shown_wakeup += "?"
    maxproc = entry.get("maxproc")
    name = str(entry.get("name", attribute))
    columns = [
        name,
        str(entry.get("type", "unix")),
        _flag(entry.get("private")),
        _flag(entry.get("privileged")),
        _flag(entry.get("chroot")),
        shown_wakeup,
        "-" if maxproc is None else str(maxproc),
        str(entry.get("command", name)),
        *_arguments(entry.get("args", [])),
    ]
    return " ".join(columns)


def _arguments(args: Sequence[str]) -> list[str]:
    """Return the arguments; those with a space need braces (master(5))."""
    return [f"{{ {arg} }}" if " " in arg or arg == "" else arg for arg in args]


def master_cf(postfix: Attrs) -> str:
    """Return master.cf."""
    entries = master_entries(postfix)
    return "".join(f"{master_line(name, entries[name])}\n" for name in sorted(entries))


def render(postfix: Attrs) -> list[File]:
    """Return the files of Postfix."""
    refuse_unknown("services.postfix", postfix, KNOWN)
    return [
        text_file("/etc/postfix/main.cf", main_cf(postfix["settings"]["main"])),
        text_file("/etc/postfix/master.cf", master_cf(postfix)),
    ]
