"""A host's files that do not come from the description: names, certificates, Debian's units."""

from collections.abc import Sequence

from chatmail_lab.authority import Certificate
from chatmail_lab.plan import Host
from chatmail_lab.render.files import File, link, text

CERTIFICATE_FILE = "/etc/ssl/lab/fullchain.pem"
KEY_FILE = "/etc/ssl/lab/key.pem"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

# Debian's units that have nothing to do in a container
MASKED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer"),
    *("console-getty.service", "getty.target", "systemd-logind.service", "ldconfig.service"),
    *("systemd-journal-catalog-update.service", "systemd-firstboot.service"),
    *("systemd-update-done.service", "systemd-pstore.service", "dbus.service", "dbus.socket"),
    *("remote-fs.target", "systemd-networkd-wait-online.service"),
    *("dovecot.socket", "unbound-resolvconf.service", "postfix-resolvconf.path"),
)
DAEMONS = ("coturn", "dovecot", "nginx", "opendkim", "postfix", "unbound")


def base_files(
    host: Host, hosts: Sequence[Host], *, machine_id: str, bundle: str, authority: tuple[str, str]
) -> list[File]:
    """Identity, name resolution and trust of a host. `authority` is its hash name and PEM."""
    hash_name, pem = authority
    names = "\n".join(f"{other.ipv4} {other.name}" for other in hosts if other.kind == "dns")
    return [
        text("/etc/machine-id", f"{machine_id}\n", mode=0o444),
        text("/etc/hostname", f"{host.hostname}\n"),
        text("/etc/hosts", f"127.0.0.1 localhost\n::1 localhost\n{names}\n"),
        text(BUNDLE, bundle + pem),
        text(f"/etc/ssl/certs/{hash_name}", pem),
        *(link(f"/etc/systemd/system/{unit}", "/dev/null") for unit in MASKED),
    ]


def unused_daemons(units: Sequence[str]) -> list[File]:
    """Masks for Debian's daemons that the description brings no unit for."""
    return [
        link(f"/etc/systemd/system/{name}.service", "/dev/null")
        for name in DAEMONS
        if f"{name}.service" not in units
    ]


def resolver(nameservers: Sequence[str]) -> File:
    """/etc/resolv.conf of a host."""
    lines = [*(f"nameserver {address}" for address in nameservers), "options edns0"]
    return text("/etc/resolv.conf", "\n".join(lines) + "\n")


def certificate_files(issued: Certificate, *, group: str) -> list[File]:
    """A relay's certificate and its key, readable by `group`."""
    return [
        text(CERTIFICATE_FILE, issued.certificate),
        File(path=KEY_FILE, content=issued.key.encode(), mode=0o640, group=group),
    ]
