"""systemd.{services,timers,sockets,paths,targets} -> unit files, as NixOS writes them."""

from collections.abc import Callable, Iterator
from typing import Any

from chatmail_lab.render.files import File, symlink, text_file
from chatmail_lab.render.values import Attrs, Data, as_list, refuse_unknown

UNIT = {
    "description": "Description",
    "documentation": "Documentation",
    "after": "After",
    "before": "Before",
    "wants": "Wants",
    "requires": "Requires",
    "requisite": "Requisite",
    "bindsTo": "BindsTo",
    "partOf": "PartOf",
    "conflicts": "Conflicts",
    "onFailure": "OnFailure",
    "onSuccess": "OnSuccess",
    "upholds": "Upholds",
    "startLimitBurst": "StartLimitBurst",
    "startLimitIntervalSec": "StartLimitIntervalSec",
}
INSTALL = {"wantedBy": "wants", "requiredBy": "requires", "upheldBy": "upholds"}
# read by NixOS' switch-to-configuration only; `reconfigure` compares files instead
ABOUT_SWITCHING = frozenset(
    {"restartIfChanged", "stopIfChanged", "reloadIfChanged", "restartTriggers", "reloadTriggers"}
)
COMMON = frozenset({*UNIT, *INSTALL, *ABOUT_SWITCHING, "unitConfig", "enable", "aliases"})
SCRIPTS = {
    "preStart": "ExecStartPre",
    "postStart": "ExecStartPost",
    "preStop": "ExecStop",
    "postStop": "ExecStopPost",
    "reload": "ExecReload",
    "script": "ExecStart",
}
SERVICE = frozenset({*COMMON, *SCRIPTS, "serviceConfig", "environment", "path", "startAt"})
DEBIAN_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
DIRECTORY = "/etc/systemd/system"


def _value(value: Data) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _section(title: str, settings: Attrs) -> list[str]:
    """Return a section: one line a value; a list is several lines, null is none."""
    lines = [f"{key}={_value(item)}" for key in sorted(settings) for item in as_list(settings[key])]
    return [f"[{title}]", *lines, ""]


def _unit_section(unit: Attrs) -> list[str]:
    settings: dict[str, Any] = {}
    for option, key in UNIT.items():
        value = unit.get(option)
        if value not in (None, []):
            settings[key] = " ".join(value) if isinstance(value, list) else value
    return _section("Unit", settings | dict(unit.get("unitConfig", {})))


def unit_path(unit: str) -> str:
    """Return the path of a unit; `unit` includes the suffix."""
    return f"{DIRECTORY}/{unit}"


def script_paths(name: str) -> frozenset[str]:
    """Return the paths of a service's possible scripts."""
    return frozenset(_script_path(name, option) for option in SCRIPTS)


def _script_path(name: str, option: str) -> str:
    return f"/usr/local/lib/units/{name}-{option}"


def _scripts(name: str, service: Attrs) -> Iterator[File]:
    for option in SCRIPTS:
        if service.get(option):
            body = f"#!/bin/sh\nset -e\n{service[option].rstrip()}\n"
            yield text_file(_script_path(name, option), body, mode=0o755)


def _service_section(name: str, service: Attrs) -> list[str]:
    settings = dict(service.get("serviceConfig", {}))
    for option, key in SCRIPTS.items():
        if service.get(option):
            # NixOS runs these scripts after those of serviceConfig
            settings[key] = [*as_list(settings.get(key)), _script_path(name, option)]
    folders = [
        f"{package}/{folder}" for package in service.get("path", []) for folder in ("bin", "sbin")
    ]
    search = ":".join([*folders, *DEBIAN_PATH])
    environment = {"PATH": search} | dict(service.get("environment", {}))
    lines = _section("Service", settings)[:-1]
    for key in sorted(environment):
        if environment[key] is not None:
            quoted = str(environment[key]).replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'Environment="{key}={quoted}"')
    return [*lines, ""]


def _installed(unit: str, options: Attrs) -> Iterator[File]:
    """Yield the links that `systemctl enable` would make."""
    for option, folder in INSTALL.items():
        for target in options.get(option, []):
            yield symlink(f"{DIRECTORY}/{target}.{folder}/{unit}", unit_path(unit))
    for alias in options.get("aliases", []):
        yield symlink(unit_path(alias), unit_path(unit))


def _write(unit: str, options: Attrs, sections: list[str]) -> Iterator[File]:
    if not options.get("enable", True):
        yield symlink(unit_path(unit), "/dev/null")
        return
    yield text_file(unit_path(unit), "\n".join(_unit_section(options) + sections))
    yield from _installed(unit, options)


def _timers(systemd: Attrs) -> dict[str, Attrs]:
    """Return the timers, including one for each service with `startAt`."""
    timers: dict[str, Attrs] = dict(systemd.get("timers", {}))
    for name, service in systemd.get("services", {}).items():
        if service.get("startAt"):
            when = {
                "timerConfig": {"OnCalendar": service["startAt"]},
                "wantedBy": ["timers.target"],
            }
            timers[name] = when | dict(timers.get(name, {}))
    return timers


def _service(name: str, service: Attrs) -> Iterator[File]:
    refuse_unknown(f"systemd.services.{name}", service, SERVICE)
    yield from _scripts(name, service)
    yield from _write(f"{name}.service", service, _service_section(name, service))


def _socket(name: str, socket: Attrs) -> Iterator[File]:
    refuse_unknown(f"systemd.sockets.{name}", socket, COMMON | {"socketConfig", "listenStreams"})
    settings = dict(socket.get("socketConfig", {}))
    streams = [*as_list(settings.get("ListenStream")), *socket.get("listenStreams", [])]
    sections = _section("Socket", settings | {"ListenStream": streams})
    yield from _write(f"{name}.socket", socket, sections)


def _simple(kind: str) -> Callable[[str, Attrs], Iterator[File]]:
    """Return the renderer of units with one section: timer and timerConfig, path and pathConfig."""
    option = f"{kind}Config"

    def render_one(name: str, unit: Attrs) -> Iterator[File]:
        refuse_unknown(f"systemd.{kind}s.{name}", unit, COMMON | {option})
        sections = _section(kind.capitalize(), unit[option]) if option in unit else []
        yield from _write(f"{name}.{kind}", unit, sections)

    return render_one


KINDS: dict[str, Callable[[str, Attrs], Iterator[File]]] = {
    "services": _service,
    "sockets": _socket,
    "timers": _simple("timer"),
    "paths": _simple("path"),
    "targets": _simple("target"),
}


def render(systemd: Attrs) -> list[File]:
    """Return all units; ./tmpfiles.py renders `systemd.tmpfiles`.

    Raises:
        LabError: The lab does not know an option.
    """
    refuse_unknown("systemd", systemd, frozenset({*KINDS, "tmpfiles"}))
    units = {**systemd, "timers": _timers(systemd)}
    return [
        file
        for kind, render_one in KINDS.items()
        for name, unit in sorted(units.get(kind, {}).items())
        for file in render_one(name, unit)
    ]
