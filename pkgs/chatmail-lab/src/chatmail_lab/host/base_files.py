"""Files of a host that are not in its description: names, certificates, masks of Debian's units."""

from collections.abc import Sequence

from chatmail_lab.host.rootfs import Rootfs
from chatmail_lab.network.authority import Certificate
from chatmail_lab.plan import Host
from chatmail_lab.render.files import File, symlink, text_file

CERTIFICATE_FILE = "/etc/ssl/lab/fullchain.pem"
KEY_FILE = "/etc/ssl/lab/key.pem"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

# Debian's units that a container does not need
MASKED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer"),
    *("console-getty.service", "getty.target", "systemd-logind.service", "ldconfig.service"),
    *("systemd-journal-catalog-update.service", "systemd-firstboot.service"),
    *("systemd-update-done.service", "systemd-pstore.service", "dbus.service", "dbus.socket"),
    *("remote-fs.target", "systemd-networkd-wait-online.service"),
    *("dovecot.socket", "unbound-resolvconf.service", "postfix-resolvconf.path"),
    # scenarios start their own; systemd makes a socket for each sshd that is installed
    *("rsync.service", "ssh.service", "ssh.socket", "sshd-unix-local.socket", "sshd-vsock.socket"),
)
DAEMONS = ("coturn", "dovecot", "nginx", "opendkim", "postfix", "unbound")


def base_files(
    host: Host, hosts: Sequence[Host], *, machine_id: str, bundle: str, authority: tuple[str, str]
) -> list[File]:
    """Return a host's identity, name resolution and trusted authorities.

    `authority` is the OpenSSL hash name and the PEM text of the lab's own one.
    """
    hash_name, pem = authority
    names = "\n".join(f"{other.ipv4} {other.name}" for other in hosts if other.kind == "dns")
    return [
        text_file("/etc/machine-id", f"{machine_id}\n", mode=0o444),
        text_file("/etc/hostname", f"{host.hostname}\n"),
        text_file("/etc/hosts", f"127.0.0.1 localhost\n::1 localhost\n{names}\n"),
        text_file(BUNDLE, bundle + pem),
        text_file(f"/etc/ssl/certs/{hash_name}", pem),
        *(symlink(f"/etc/systemd/system/{unit}", "/dev/null") for unit in MASKED),
    ]


def masks_of_unused_daemons(units: Sequence[str]) -> list[File]:
    """Return masks of those daemons of Debian for which the description has no unit."""
    return [
        symlink(f"/etc/systemd/system/{name}.service", "/dev/null")
        for name in DAEMONS
        if f"{name}.service" not in units
    ]


def resolv_conf(name_servers: Sequence[str]) -> File:
    """Return /etc/resolv.conf of a host."""
    lines = [*(f"nameserver {address}" for address in name_servers), "options edns0"]
    return text_file("/etc/resolv.conf", "\n".join(lines) + "\n")


def certificate_of(rootfs: Rootfs) -> Certificate | None:
    """Return the certificate that a host has; None without one."""
    if not rootfs.path(CERTIFICATE_FILE).exists():
        return None
    return Certificate(certificate=rootfs.read(CERTIFICATE_FILE), key=rootfs.read(KEY_FILE))


def certificate_files(issued: Certificate, *, group: str) -> list[File]:
    """Return a relay's certificate and its key, which `group` may read."""
    return [
        text_file(CERTIFICATE_FILE, issued.certificate),
        File(path=KEY_FILE, content=issued.key.encode(), mode=0o640, group=group),
    ]
