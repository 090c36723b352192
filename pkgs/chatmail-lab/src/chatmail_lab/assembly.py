"""The parts of a lab put together: overlays, files, name server, zones."""

import json
import shutil
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from chatmail_lab.description.evaluate import Description
from chatmail_lab.errors import CommandError, LabError
from chatmail_lab.host import base_files, changes
from chatmail_lab.host.container import Container
from chatmail_lab.host.overlay import mount_overlay
from chatmail_lab.host.rootfs import Rootfs
from chatmail_lab.image import programs
from chatmail_lab.machine.namespaces import NamespaceKeeper
from chatmail_lab.network import dns
from chatmail_lab.network.authority import Authority
from chatmail_lab.plan import Host
from chatmail_lab.render import render_relay, users
from chatmail_lab.state import LabDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """A lab that starts, runs or changes; `descriptions` is empty if none are needed."""

    directory: LabDirectory
    keeper: NamespaceKeeper
    image: Path
    hosts: Sequence[Host]
    descriptions: Mapping[str, Description]

    @property
    def name_server(self) -> Host:
        """The name server of all hosts."""
        return next(host for host in self.hosts if host.kind == "dns")

    @property
    def booted_hosts(self) -> list[Host]:
        """The hosts that boot an operating system."""
        return [host for host in self.hosts if host.is_booted]

    @property
    def authority(self) -> Authority:
        """The lab's certificate authority."""
        return Authority(directory=self.directory.path / "authority")

    @property
    def programs_directory(self) -> Path:
        """Where our own programs are built."""
        return self.directory.path / "programs"

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
        """Return a host by its name.

        Raises:
            LabError: There is none.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise LabError(f"no host '{name}' in lab '{self.directory.name}'; it has {known}")

    def prepare(self, host: Host, *, disk: str | None = None) -> None:
        """Mount the overlay of a host and write the files that every host has."""
        mount_overlay(self.keeper, self.directory.of_host(host), self.image, disk=disk)
        rootfs = self.rootfs(host)
        files = base_files.base_files(
            host,
            self.hosts,
            machine_id=uuid.uuid4().hex,
            bundle=rootfs.read(base_files.BUNDLE),
            authority=(self.authority.hash_name, self.authority.certificate),
        )
        for file in files:
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
        pages = self.directory.path / "pages" / host.name
        programs.build_pages(self.image, pages, description.pages)
        shutil.rmtree(rootfs.path(programs.PAGES), ignore_errors=True)
        for built in (self.programs_directory, pages):
            if built.exists():
                rootfs.copy_from(built)
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

    def _replace_digests(self, host: Host, after: Mapping[str, str]) -> frozenset[str]:
        """Delete files that are no longer rendered; return the paths that changed."""
        saved = self.directory.path / "files" / f"{host.name}.json"
        saved.parent.mkdir(exist_ok=True)
        before: dict[str, str] = json.loads(saved.read_text()) if saved.exists() else {}
        for path in set(before) - set(after):
            self.rootfs(host).path(path).unlink(missing_ok=True)
        saved.write_text(json.dumps(after))
        return changes.changed(before, after)

    def restart(self, host: Host, changed_paths: Collection[str]) -> None:
        """Restart the units of a running host that read these files; start those that are down."""
        container = self.container(host)
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
        names = [host.domain, f"www.{host.domain}", f"mta-sts.{host.domain}"]
        issued = self.authority.issue(names, address=host.ipv4)
        for file in base_files.certificate_files(issued, group=group):
            rootfs.write(file)

    def publish(self, moved: Mapping[str, str] = MappingProxyType({})) -> None:
        """Serve the records that each host tells its operator to publish.

        Args:
            moved: The host whose records are served, by domain; the host of that name by default.

        Raises:
            LabError: A host does not print them, or the name server refuses them.
        """
        records = {
            host.domain: self._records(host)
            for host in self.booted_hosts
            if host.name == moved.get(host.domain, host.domain)
        }
        rootfs = self.rootfs(self.name_server)
        for file in dns.server_files(self._zones(records)):
            rootfs.write(file)
        control = ["chroot", str(self.mount_point(self.name_server)), "unbound-control"]
        self.keeper.run(*control, "-c", dns.CONFIG_FILE, "reload")

    def _records(self, host: Host) -> list[dns.Record]:
        """Return the records that a host prints for its operator; none without a domain."""
        command = self.descriptions[host.name].zone_command
        if not command:
            return []
        done = self.container(host).exec(command)
        if done.returncode != 0:
            raise CommandError(f"{host.name}: {' '.join(command)}", done)
        return dns.parse_zone(done.stdout)

    def _zones(self, records: Mapping[str, Sequence[dns.Record]]) -> dict[str, str]:
        """Return the text of each zone by origin; `records` are those that hosts print."""
        return {
            origin: dns.zone_file(origin, zone, server=self.name_server)
            for origin, zone in dns.all_zones(self.hosts, records).items()
        }
