"""The parts of a lab put together: overlays, files, name server, zones."""

import json
import shutil
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from chatmail_lab.description.evaluate import Description
from chatmail_lab.errors import CommandError, LabError
from chatmail_lab.host import base_files, changes
from chatmail_lab.host.container import Container
from chatmail_lab.host.overlay import mount_overlay
from chatmail_lab.host.rootfs import Rootfs
from chatmail_lab.image import programs
from chatmail_lab.machine.namespaces import NamespaceKeeper
from chatmail_lab.network import dns
from chatmail_lab.network.authority import Authority, Certificate
from chatmail_lab.network.keys import Keys
from chatmail_lab.plan import Host
from chatmail_lab.render import render_relay
from chatmail_lab.render.system import users
from chatmail_lab.state import LabDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """A lab that starts, runs or changes; `descriptions` is empty if none are needed."""

    directory: LabDirectory
    keeper: NamespaceKeeper
    image: Path
    hosts: Sequence[Host]
    descriptions: Mapping[str, Description]
    # the web pages that this object built, by their settings
    _pages: dict[str, Path] = field(default_factory=dict)

    @property
    def name_server(self) -> Host:
        """The name server of all hosts."""
        return next(host for host in self.hosts if host.kind == "dns")

    @property
    def booted_hosts(self) -> list[Host]:
        """The hosts that boot an operating system."""
        return [host for host in self.hosts if host.is_booted]

    @property
    def running_hosts(self) -> list[Host]:
        """The hosts that boot an operating system, without those that are down."""
        return [host for host in self.booted_hosts if self.container(host).is_up()]

    @property
    def authority(self) -> Authority:
        """The lab's certificate authority."""
        return Authority(directory=self.directory.path / "authority")

    @property
    def keys(self) -> Keys:
        """The secrets of the lab's clusters."""
        return Keys(directory=self.directory.path / "keys")

    @property
    def programs_directory(self) -> Path:
        """Where our own programs were built when the lab started: a layer below all hosts."""
        return self.directory.path / "programs"

    @property
    def changed_programs_directory(self) -> Path:
        """Where our own programs are built anew."""
        return self.directory.path / "changed-programs"

    def mount_point(self, host: Host) -> Path:
        """Return a host's root, as a path of the lab's mount namespace."""
        return self.directory.of_host(host) / "merged"

    def rootfs(self, host: Host) -> Rootfs:
        """Return a host's root file system, as this machine reaches it."""
        return Rootfs(self.keeper.root / str(self.mount_point(host)).lstrip("/"))

    def container(self, host: Host) -> Container:
        """Return the container of a host that boots."""
        return Container(
            lab=self.directory.name,
            host=host,
            keeper=self.keeper,
            mount_point=self.mount_point(host),
        )

    def host(self, name: str) -> Host:
        """Return a host by its name; the name of a cluster's domain means its first front.

        Raises:
            LabError: There is none.
        """
        for host in self.hosts:
            if name in (host.name, host.domain if host.is_member else None):
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise LabError(f"no host '{name}' in lab '{self.directory.name}'; it has {known}")

    def prepare(self, host: Host, *, disk: str | None = None) -> None:
        """Mount the overlay of a host and write the files that every host has."""
        layers = [*([self.programs_directory] if host.is_booted else []), self.image]
        mount_overlay(self.keeper, self.directory.of_host(host), layers, disk=disk)
        rootfs = self.rootfs(host)
        files = base_files.base_files(
            host,
            self.hosts,
            machine_id=uuid.uuid4().hex,
            bundle=rootfs.read(base_files.BUNDLE),
            authority=(self.authority.hash_name, self.authority.certificate),
        )
        for file in [*files, *(self.keys.files(host) if host.is_member else [])]:
            rootfs.write(file)

    def start_name_server(self) -> None:
        """Serve the lab's own zones; `publish` adds those of the relays."""
        rootfs = self.rootfs(self.name_server)
        for file in dns.server_files(self._zones({})):
            rootfs.write(file)
        mount_point = self.mount_point(self.name_server)
        command = f"chroot {mount_point} unbound -d -c {dns.CONFIG_FILE}"
        log = mount_point.parent / "log"
        self.keeper.run_shell([f"ip netns exec dns {command} </dev/null >{log} 2>&1 &"])

    def install(self, host: Host, programs_digest: str) -> frozenset[str]:
        """Write the programs and files of a host's description.

        Returns:
            The paths that changed since the last call.
        """
        rootfs = self.rootfs(host)
        description = self.descriptions[host.name]
        if self._digests(host).get(programs.PACKAGES, programs_digest) != programs_digest:
            rootfs.copy_from(self.changed_programs_directory)
        shutil.rmtree(rootfs.path(programs.PAGES), ignore_errors=True)
        if description.pages is not None:
            rootfs.copy_from(self._built_pages(description.pages))
        files = render_relay(description.config)
        for file in users.render(description.config.get("users", {})):
            rootfs.write(file)
        self.keeper.run("chroot", str(self.mount_point(host)), "systemd-sysusers")
        units = [Path(file.path).name for file in files]
        files += base_files.masks_of_unused_daemons(units)
        files.append(base_files.resolv_conf(self._name_servers(description)))
        for file in files:
            rootfs.write(file)
        self._issue_certificate(host, description)
        return self._replace_digests(host, changes.digests(files, programs_digest))

    def _built_pages(self, settings: Mapping[str, Any]) -> Path:
        """Return the directory of web pages, which hosts with the same settings share."""
        key = json.dumps(settings)
        if key not in self._pages:
            directory = self.directory.path / "pages" / str(len(self._pages))
            programs.build_pages(self.image, directory, settings)
            self._pages[key] = directory
        return self._pages[key]

    def _digests(self, host: Host) -> dict[str, str]:
        """Return what was written last, by path; nothing for a new host."""
        saved = self._saved(host, "json")
        digests: dict[str, str] = json.loads(saved.read_text()) if saved.exists() else {}
        return digests

    def _replace_digests(self, host: Host, after: Mapping[str, str]) -> frozenset[str]:
        """Delete files that are no longer rendered; return the paths that changed."""
        before = self._digests(host)
        for path in set(before) - set(after):
            self.rootfs(host).path(path).unlink(missing_ok=True)
        self._saved(host, "json").write_text(json.dumps(after))
        return changes.changed(before, after)

    def _saved(self, host: Host, suffix: str) -> Path:
        """Return a file in which the lab remembers what a host has."""
        directory = self.directory.path / "files"
        directory.mkdir(exist_ok=True)
        return directory / f"{host.name}.{suffix}"

    def restart(self, host: Host, changed_paths: Collection[str]) -> None:
        """Restart the units of a host that read these files; start those that are down.

        A host that is down will read them when it starts.
        """
        container = self.container(host)
        if not container.is_up():
            return
        services = self.descriptions[host.name].config.get("systemd", {}).get("services", {})
        wanted = [
            name
            for name, service in services.items()
            if "multi-user.target" in service.get("wantedBy", [])
        ]
        affected = [name for name in wanted if changes.needs_restart(name, changed_paths)]
        for command in (
            ["systemctl", "daemon-reload"],
            ["systemd-tmpfiles", "--create"],
            # repeated reconfiguring must not reach the start limit of a unit
            ["systemctl", "reset-failed"],
            *([["systemctl", "restart", "--no-block", *affected]] if affected else []),
            # units that failed with the old configuration, or that someone stopped
            ["systemctl", "start", "--no-block", *wanted],
        ):
            done = container.exec(command)
            if done.returncode != 0:
                raise CommandError(f"{host.name}: {' '.join(command)}", done)

    def _name_servers(self, description: Description) -> list[str]:
        unbound = description.config.get("services", {}).get("unbound", {})
        local = unbound.get("enable") and unbound.get("resolveLocalQueries", True)
        return ["127.0.0.1"] if local else [self.name_server.ipv4]

    def _issue_certificate(self, host: Host, description: Description) -> None:
        """Issue a relay's certificate, unless it has one or makes its own."""
        rootfs = self.rootfs(host)
        group = description.certificate_group
        if group is None or rootfs.path(base_files.CERTIFICATE_FILE).exists():
            return
        for file in base_files.certificate_files(self._certificate(host), group=group):
            rootfs.write(file)

    def _certificate(self, host: Host) -> Certificate:
        """Return a new certificate; all machines of a cluster have the same one."""
        twins = [host]
        if host.is_member:
            twins = [one for one in self.hosts if one.is_member and one.domain == host.domain]
        for twin in twins:
            if known := base_files.certificate_of(self.rootfs(twin)):
                return known
        names = [host.domain, f"www.{host.domain}", f"mta-sts.{host.domain}"]
        return self.authority.issue(names, addresses=[twin.ipv4 for twin in twins])

    def publish(self, moved: Mapping[str, str] = MappingProxyType({})) -> None:
        """Serve the records that each host tells its operator to publish.

        Args:
            moved: The host whose records are served, by domain. The default is the host of that
                name, or all fronts of a cluster.

        Raises:
            LabError: A host does not print them, or the name server refuses them.
        """
        records: dict[str, dict[dns.Record, None]] = {}
        for host in self.booted_hosts:
            chosen = moved.get(host.domain)
            if host.name == chosen or (chosen is None and host.is_published):
                # fronts print mostly the same
                records.setdefault(host.domain, {}).update(dict.fromkeys(self._records(host)))
        rootfs = self.rootfs(self.name_server)
        for file in dns.server_files(self._zones({name: [*of] for name, of in records.items()})):
            rootfs.write(file)
        control = ["chroot", str(self.mount_point(self.name_server)), "unbound-control"]
        self.keeper.run(*control, "-c", dns.CONFIG_FILE, "reload")

    def _records(self, host: Host) -> list[dns.Record]:
        """Return the records that a host prints for its operator; none without a domain.

        A host that is down keeps those that it printed last.
        """
        command = self.descriptions[host.name].zone_command
        saved = self._saved(host, "zone")
        if not command:
            return []
        if self.container(host).is_up():
            done = self.container(host).exec(command)
            if done.returncode != 0:
                raise CommandError(f"{host.name}: {' '.join(command)}", done)
            saved.write_text(done.stdout)
        return dns.parse_zone(saved.read_text() if saved.exists() else "")

    def _zones(self, records: Mapping[str, Sequence[dns.Record]]) -> dict[str, str]:
        """Return the text of each zone by origin; `records` are those that hosts print."""
        return {
            origin: dns.zone_file(origin, zone, server=self.name_server)
            for origin, zone in dns.all_zones(self.hosts, records).items()
        }
