"""The merged configuration of a relay, rendered to files of a Debian host: one module a part.

Each renderer is a pure function. It refuses options that it does not know, because NixOS would
obey them and the lab would not.
"""

from chatmail_lab.render import coturn, dovecot, nginx, postfix, systemd, unbound
from chatmail_lab.render.files import File
from chatmail_lab.render.system import etc, tmpfiles, users, wireguard
from chatmail_lab.render.values import Attrs, refuse_unknown

SERVICES = {
    "coturn": coturn.render,
    "dovecot2": dovecot.render,
    "nginx": nginx.render,
    "postfix": postfix.render,
    "unbound": unbound.render,
}
# options about the machine, which a container shares or does not have; `networking.wg-quick` has
# an effect
WITHOUT_EFFECT = frozenset({"boot", "networking", "security", "system", "nix", "time"})


def render_relay(config: Attrs) -> list[File]:
    """Return all files of a relay.

    Raises:
        LabError: The lab cannot render an option.
    """
    known = frozenset({"services", "systemd", "users", "environment", *WITHOUT_EFFECT})
    refuse_unknown("config", config, known)
    services: Attrs = config.get("services", {})
    refuse_unknown("services", services, frozenset({*SERVICES, "journald", "logrotate"}))
    files = users.render(config.get("users", {}))
    for name, render in SERVICES.items():
        if services.get(name, {}).get("enable"):
            files += render(services[name])
    environment: Attrs = config.get("environment", {})
    refuse_unknown("environment", environment, frozenset({"etc", "systemPackages"}))
    systemd_options: Attrs = config.get("systemd", {})
    return [
        *files,
        *systemd.render(systemd_options),
        *tmpfiles.render(systemd_options.get("tmpfiles", {})),
        *etc.render(environment.get("etc", {})),
        *wireguard.render(config.get("networking", {}).get("wg-quick", {})),
    ]
