"""From the merged description of a relay to the files of a Debian host: one module for each part.

Each renderer is a pure function and refuses what it does not know, so that nothing that NixOS would
do is silently missing in the lab.
"""

from chatmail_lab.render import (
    coturn,
    dovecot,
    etc,
    nginx,
    postfix,
    systemd,
    tmpfiles,
    unbound,
    users,
)
from chatmail_lab.render.files import File
from chatmail_lab.render.values import Attrs, only

SERVICES = {
    "coturn": coturn.render,
    "dovecot2": dovecot.render,
    "nginx": nginx.render,
    "postfix": postfix.render,
    "unbound": unbound.render,
}
# about the machine around the relay, which a container shares with its host or does not have
WITHOUT_EFFECT = frozenset({"boot", "networking", "security", "system", "nix", "time"})


def render_relay(config: Attrs) -> list[File]:
    """All files of a relay.

    Raises:
        LabError: an option that the lab cannot render.
    """
    known = frozenset({"services", "systemd", "users", "environment", *WITHOUT_EFFECT})
    only("config", config, known)
    services: Attrs = config.get("services", {})
    only("services", services, frozenset({*SERVICES, "journald", "logrotate"}))
    files = users.render(config.get("users", {}))
    for name, render in SERVICES.items():
        if services.get(name, {}).get("enable"):
            files += render(services[name])
    environment: Attrs = config.get("environment", {})
    only("environment", environment, frozenset({"etc", "systemPackages"}))
    systemd_options: Attrs = config.get("systemd", {})
    return [
        *files,
        *systemd.render(systemd_options),
        *tmpfiles.render(systemd_options.get("tmpfiles", {})),
        *etc.render(environment.get("etc", {})),
    ]
