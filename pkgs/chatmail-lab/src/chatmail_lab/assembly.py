"""Putting hosts together: layers, files, name server, zones."""

import json
import shutil
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chatmail_lab import changes, dns, guests, programs
from chatmail_lab.authority import Authority
from chatmail_lab.container import Container
from chatmail_lab.errors import CommandError, LabError
from chatmail_lab.evaluate import Description
from chatmail_lab.holder import Holder
from chatmail_lab.layer import mount_layer
from chatmail_lab.plan import Host
from chatmail_lab.render import render_relay, users
from chatmail_lab.state import Home
from chatmail_lab.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """A lab that is being put together, or taken apart and put together anew."""

    home: Home
    holder: Holder
    root: Path
    hosts: Sequence[Host]
    descriptions: Mapping[str, Description]

    @property
    def server(self) -> Host:
        """The name server."""
        return next(host for host in self.hosts if host.kind == "dns")

    @property
    def authority(self) -> Authority:
        """The lab's certificate authority."""
        return Authority(directory=self.home.directory / "authority")

    def merged(self, host: Host) -> Path:
        """Root directory of a host, in the lab's mount namespace."""
        return self.home.host_directory(host) / "merged"

    def tree(self, host: Host) -> Tree:
        """Root directory of a host, from outside."""
        return Tree(self.holder.view / str(self.merged(host)).lstrip("/"))

    def prepare(self, host: Host, *, disk: str | None = None) -> None:
        """Make the layer of a host and the files that all hosts have."""
        mount_layer(self.holder, self.home.host_directory(host), self.root, disk=disk)
        tree = self.tree(host)
        files = guests.base_files(
            host,
            self.hosts,
            machine_id=uuid.uuid4().hex,
            bundle=tree.read(guests.BUNDLE),
            authority=(self.authority.hash_name, self.authority.certificate),
        )
        for file in files:
            tree.write(file)

    def start_name_server(self) -> None:
        """Serve the lab's own zones; those of the relays follow by `publish`."""
        tree = self.tree(self.server)
        for file in dns.server_files(self._zones({})):
            tree.write(file)
        merged = self.merged(self.server)
        command = f"chroot {merged} unbound -d -c {dns.CONFIG_FILE}"
        log = merged.parent / "log"
        self.holder.script([f"ip netns exec dns {command} </dev/null >{log} 2>&1 &"])

    @property
    def staged(self) -> Path:
        """Where our own programs are made ready."""
        return self.home.directory / "programs"

    def install(self, host: Host, staged: str) -> frozenset[str]:
        """Turn a prepared host into what its description describes.

        Returns the paths that are not as they were when this was called before. `staged` is the
        digest of our own programs.
        """
        tree = self.tree(host)
        description = self.descriptions[host.name]
        pages = self.home.directory / "pages" / host.name
        programs.stage_pages(self.root, pages, description.pages)
        shutil.rmtree(tree.path(programs.PAGES), ignore_errors=True)
        for made in (self.staged, pages):
            if made.exists():
                tree.take_in(made)
        files = render_relay(description.config)
        for file in users.render(description.config.get("users", {})):
            tree.write(file)
        self.holder.run("chroot", str(self.merged(host)), "systemd-sysusers")
        units = [Path(file.path).name for file in files]
        files += guests.unused_daemons(units)
        files.append(guests.resolver(self._resolvers(description)))
        for file in files:
            tree.write(file)
        self._certify(host, description)
        return self._take_stock(host, changes.inventory(files, staged))

    def _take_stock(self, host: Host, after: Mapping[str, str]) -> frozenset[str]:
        """Delete what is no longer written; returns what is new, gone or different."""
        listed = self.home.directory / "files" / f"{host.name}.json"
        listed.parent.mkdir(exist_ok=True)
        before: dict[str, str] = json.loads(listed.read_text()) if listed.exists() else {}
        for path in set(before) - set(after):
            self.tree(host).path(path).unlink(missing_ok=True)
        listed.write_text(json.dumps(after))
        return changes.changed(before, after)

    def restart(self, host: Host, changed: Collection[str]) -> None:
        """Let a running relay take changed programs and files into use."""
        container = self.container(host)
        config = self.descriptions[host.name].config
        wanted = [
            name
            for name, service in config.get("systemd", {}).get("services", {}).items()
            if "multi-user.target" in service.get("wantedBy", [])
        ]
        concerned = [name for name in wanted if changes.concerns(name, changed)]
        for command in (
            ["systemctl", "daemon-reload"],
            ["systemd-tmpfiles", "--create"],
            # somebody who tries things out restarts more often than a unit may by itself
            ["systemctl", "reset-failed"],
            *([["systemctl", "restart", "--no-block", *concerned]] if concerned else []),
            # what did not start with the configuration before
            ["systemctl", "start", "--no-block", *wanted],
        ):
            done = container.exec(command)
            if done.returncode != 0:
                raise CommandError(f"{host.name}: {' '.join(command)}", done)

    def _resolvers(self, description: Description) -> list[str]:
        unbound = description.config.get("services", {}).get("unbound", {})
        local = unbound.get("enable") and unbound.get("resolveLocalQueries", True)
        return ["127.0.0.1"] if local else [self.server.ipv4]

    def _certify(self, host: Host, description: Description) -> None:
        """Give a relay a certificate of the lab's authority, unless it makes its own or has one."""
        tree = self.tree(host)
        group = description.certificate_group
        if group is None or tree.path(guests.CERTIFICATE_FILE).exists():
            return
        names = [host.name, f"www.{host.name}", f"mta-sts.{host.name}"]
        issued = self.authority.issue(names, address=host.ipv4)
        for file in guests.certificate_files(issued, group=group):
            tree.write(file)

    def publish(self) -> None:
        """Serve the zones that the hosts tell their operators to publish.

        Raises:
            LabError: a host does not say, or the name server does not take it.
        """
        records = {host.name: self._zone(host) for host in self.hosts if host.is_booted}
        tree = self.tree(self.server)
        for file in dns.server_files(self._zones(records)):
            tree.write(file)
        control = ["chroot", str(self.merged(self.server)), "unbound-control"]
        self.holder.run(*control, "-c", dns.CONFIG_FILE, "reload")

    def _zone(self, host: Host) -> list[dns.Record]:
        """What a host's operator publishes; nothing for one without a domain."""
        command = self.descriptions[host.name].zone_command
        if not command:
            return []
        done = self.container(host).exec(command)
        if done.returncode != 0:
            raise CommandError(f"{host.name}: {' '.join(command)}", done)
        return dns.parse_zone(done.stdout)

    def _zones(self, records: Mapping[str, Sequence[dns.Record]]) -> dict[str, str]:
        """The text of each zone by origin; `records` are those that hosts publish."""
        return {
            origin: dns.zone_file(origin, zone, server=self.server)
            for origin, zone in dns.all_zones(self.hosts, records).items()
        }

    def container(self, host: Host) -> Container:
        """A host's running system."""
        return Container(
            lab=self.home.name, host=host, holder=self.holder, merged=self.merged(host)
        )

    def host(self, name: str) -> Host:
        """A host by name.

        Raises:
            LabError: there is none.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise LabError(f"no host '{name}' in lab '{self.home.name}'; it has {known}")
