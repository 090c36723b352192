"""A lab, as the command line and the tests use it."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from chatmail_lab.assembly import Assembly
from chatmail_lab.description.cluster import cluster_values
from chatmail_lab.description.evaluate import Description, describe
from chatmail_lab.errors import LabError
from chatmail_lab.host.container import NotReadyError
from chatmail_lab.host.running import RunningHost
from chatmail_lab.image import programs
from chatmail_lab.image.debian import ReportProgress, ensure_image
from chatmail_lab.machine import inotify_limit
from chatmail_lab.machine.namespaces import NewNamespaces
from chatmail_lab.machine.preflight import check_machine
from chatmail_lab.network import client, links
from chatmail_lab.network.keys import Keys
from chatmail_lab.plan import Host, plan_hosts
from chatmail_lab.startup import Say, assemble, boot_again, wait_until_ready
from chatmail_lab.state import LabDirectory, State


def _silent(_: str) -> None:
    pass


def _no_progress(_fraction: float, _line: str) -> None:
    pass


class Lab:
    """A lab by its name, running or not."""

    def __init__(self, name: str = "lab") -> None:
        self.directory = LabDirectory.of(name)

    # --- start and stop

    def start(
        self,
        relays: Sequence[str],
        *,
        classics: Sequence[str] = (),
        config: Path | None = None,
        disk: str | None = None,
        keep_broken: bool = False,
        say: Say = _silent,
        report: ReportProgress = _no_progress,
    ) -> None:
        """Start the lab and wait until all hosts are ready; a running lab of this name is stopped.

        Args:
            relays: Mail domains; a name that starts with `_` or an IP address of 192.0.2.0/24 makes
                a relay without a trusted certificate. `a.test=2+3` makes two fronts and three
                stores of one domain, `new.test=a.test` a second machine of a relay.
            classics: Domains of plain mail servers.
            config: Nix file with the operator's own NixOS configuration, for all relays.
            disk: Size of each host's disk (400M), which then is in memory; None: no limit.
            keep_broken: Keep a lab whose hosts do not become ready.
            say: Called with each step.
            report: Called with the progress of building the Debian image.

        Raises:
            LabError: Something is missing, does not evaluate or does not start. Nothing stays
                running, except with `keep_broken`.
        """
        check_machine()
        hosts = plan_hosts(relays, classics)
        image = ensure_image(report)
        with self.directory.locked():
            self._remove()
            self.directory.path.mkdir(parents=True)
            try:
                say("evaluating the description")
                descriptions = self._described(image, hosts, config)
                inotify_limit.raise_limit(self.directory.path.parent)
                with NewNamespaces() as namespaces:
                    assembly = Assembly(
                        directory=self.directory,
                        keeper=namespaces.keeper,
                        image=image,
                        hosts=hosts,
                        descriptions=descriptions,
                    )
                    self._save(assembly, config)
                    self._assemble_and_keep(assembly, namespaces, disk, keep_broken, say)
            finally:
                if not self.is_up():
                    self.directory.remove()

    def _save(self, assembly: Assembly, config: Path | None) -> None:
        state = State(
            keeper=assembly.keeper,
            hosts=tuple(assembly.hosts),
            image=str(assembly.image),
            started_s=time.time(),
            config=str(config.absolute()) if config else None,
        )
        self.directory.save(state)

    def _assemble_and_keep(
        self,
        assembly: Assembly,
        namespaces: NewNamespaces,
        disk: str | None,
        keep_broken: bool,
        say: Say,
    ) -> None:
        try:
            assemble(assembly, self.client_directory, disk, say)
        except NotReadyError:
            if keep_broken:
                namespaces.keep()
            raise
        namespaces.keep()

    def _described(
        self, image: Path, hosts: Sequence[Host], config: Path | None
    ) -> dict[str, Description]:
        """Return the descriptions of all hosts; makes the keys of clusters that have none yet."""
        keys = Keys(directory=self.directory.path / "keys")
        clusters = cluster_values(hosts, keys.public_key)
        return describe(image, hosts, config=config, clusters=clusters)

    def reconfigure(self, *, config: Path | None = None, say: Say = _silent) -> None:
        """Apply the checkout as it is now to the running relays.

        Args:
            config: A new operator's configuration, instead of the relays' current one.
            say: Called with each step.

        Raises:
            LabError: It does not evaluate, or a unit does not start. The lab stays up.
        """
        with self.directory.locked():
            running = self.assembly()
            say("evaluating the description")
            state = self.state()
            if config:
                state = replace(state, config=str(config.absolute()))
            current_config = Path(state.config) if state.config else None
            descriptions = self._described(running.image, running.hosts, current_config)
            self.directory.save(state)
            assembly = replace(running, descriptions=descriptions)
            digest = programs.build_programs(assembly.image, assembly.changed_programs_directory)
            say("restarting units")
            for host in assembly.booted_hosts:
                assembly.restart(host, assembly.install(host, digest))
            wait_until_ready(assembly, assembly.running_hosts)
            assembly.publish()

    def point(self, domain: str, name: str) -> None:
        """Serve the DNS records of a domain as another host with this domain prints them.

        Raises:
            LabError: There is no such host.
        """
        with self.directory.locked():
            running = self.assembly()
            if running.host(name).domain != domain:
                raise LabError(f"{name} is no relay for {domain}")
            state = self.state()
            config = Path(state.config) if state.config else None
            descriptions = self._described(running.image, running.hosts, config)
            replace(running, descriptions=descriptions).publish({domain: name})

    def stop_host(self, name: str) -> None:
        """Kill a host, as a power cut does; its disk stays.

        Raises:
            LabError: There is no such host, or it boots no operating system.
        """
        self.relay(name).container.kill()

    def start_host(self, name: str) -> None:
        """Boot a host that was stopped, and wait until it is ready.

        Raises:
            LabError: There is no such host, or it runs, or does not become ready.
        """
        assembly = self.assembly()
        boot_again(assembly, assembly.host(name))

    def stop(self) -> None:
        """Stop the lab and delete its files; do nothing if there is none."""
        with self.directory.locked():
            self._remove()

    def _remove(self) -> None:
        keeper = self.directory.keeper()
        if keeper is not None and keeper.is_alive():
            client.kill_commands(keeper)
            keeper.kill()
        self.directory.remove()

    # --- a running lab

    def state(self) -> State:
        """Return the state of the running lab.

        Raises:
            LabError: It is not up.
        """
        state = self.directory.load()
        if state is None or not state.keeper.is_alive():
            name = self.directory.name
            raise LabError(f"lab '{name}' is not up; start it with `scripts/lab up a.test b.test`")
        return state

    def is_up(self) -> bool:
        """Return whether the lab runs."""
        keeper = self.directory.keeper()
        return keeper is not None and keeper.is_alive()

    def assembly(self) -> Assembly:
        """Return the parts of the running lab, without descriptions."""
        state = self.state()
        return Assembly(
            directory=self.directory,
            keeper=state.keeper,
            image=Path(state.image),
            hosts=state.hosts,
            descriptions={},
        )

    def hosts(self) -> tuple[Host, ...]:
        """Return all hosts of the running lab."""
        return self.state().hosts

    def relay(self, domain: str) -> RunningHost:
        """Return a relay or classic server by its name, or by the domain that it alone serves.

        Raises:
            LabError: There is none, or it does not boot an operating system.
        """
        assembly = self.assembly()
        host = assembly.host(domain)
        if not host.is_booted:
            raise LabError(f"{domain} has no operating system of its own")
        return RunningHost(container=assembly.container(host), rootfs=assembly.rootfs(host))

    def command(self, name: str, command: Sequence[str]) -> list[str]:
        """Return the command line that runs `command` on a host, for this machine.

        Raises:
            LabError: There is no such host, or it does not run.
        """
        assembly = self.assembly()
        host = assembly.host(name)
        if host.is_booted:
            return assembly.container(host).command_line(command)
        if host.kind == "client":
            return client.command_line(assembly.keeper, self.client_directory, command)
        chroot = ["ip", "netns", "exec", host.name, "chroot", str(assembly.mount_point(host))]
        return assembly.keeper.command_line(*chroot, *command)

    def log_command(
        self, name: str, *, follow: bool = False, unit: str | None = None, lines: int = 1000
    ) -> list[str]:
        """Return the command line that prints a host's log."""
        assembly = self.assembly()
        host = assembly.host(name)
        if host.kind == "client":
            raise LabError("the client is this machine; it has no log")
        options = [f"--lines={lines}", *(["--follow"] if follow else [])]
        if host.kind == "dns":
            return ["tail", *options, str(self.directory.of_host(host) / "log")]
        only = [] if unit is None else [f"--unit={unit}"]
        return assembly.container(host).command_line(["journalctl", "--no-pager", *options, *only])

    @property
    def client_directory(self) -> Path:
        """The files that replace the machine's own for commands on the client."""
        return self.directory.path / "client"

    def cut(self, name: str) -> None:
        """Drop all packets to and from a host."""
        assembly = self.assembly()
        links.cut(assembly.keeper, assembly.host(name))

    def heal(self, name: str) -> None:
        """Undo `cut`."""
        assembly = self.assembly()
        links.heal(assembly.keeper, assembly.host(name))
