"""A lab: what the commands and the acceptance suite do with it."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from chatmail_lab import client, limits, network, programs
from chatmail_lab.assembly import Assembly
from chatmail_lab.container import Container, NotReadyError
from chatmail_lab.errors import LabError
from chatmail_lab.evaluate import describe
from chatmail_lab.guest import Guest
from chatmail_lab.holder import Holder, Starting
from chatmail_lab.needs import check_machine
from chatmail_lab.plan import Host, plan_hosts
from chatmail_lab.root import Report, ready_root
from chatmail_lab.state import Home, State

Say = Callable[[str], None]


def _silent(_: str) -> None:
    pass


def _no_report(_fraction: float, _line: str) -> None:
    pass


class Lab:
    """A lab by name, running or not."""

    def __init__(self, name: str = "lab") -> None:
        self.home = Home.of(name)

    # --- life

    def start(
        self,
        relays: Sequence[str],
        *,
        classics: Sequence[str] = (),
        config: Path | None = None,
        disk: str | None = None,
        keep_broken: bool = False,
        say: Say = _silent,
        report: Report = _no_report,
    ) -> None:
        """Bring the lab up, instead of what runs under its name; all hosts are ready afterwards.

        Args:
            relays: mail domains; also one that begins with `_`, or an address of 192.0.2.0/24.
            classics: domains of plain mail servers beside them.
            config: Nix file with the operator's own NixOS configuration for all relays.
            disk: size of each host's disk (400M), which then is in memory; none: no limit.
            keep_broken: whether hosts that do not become ready stay, to look into them.
            say: told what is being done.
            report: told how far the Debian root is, if it has to be made.

        Raises:
            LabError: something is missing, does not evaluate, or does not start. Nothing is left
                running, except for hosts that do not become ready if `keep_broken` is set.
        """
        check_machine()
        hosts = plan_hosts(relays, classics)
        root = ready_root(report)
        with self.home.locked():
            self._clear()
            say("evaluating the description")
            descriptions = describe(root, hosts, config=config)
            limits.lift(self.home.directory.parent)
            self.home.directory.mkdir(parents=True)
            try:
                with Starting() as starting:
                    assembly = Assembly(
                        home=self.home,
                        holder=starting.holder,
                        root=root,
                        hosts=hosts,
                        descriptions=descriptions,
                    )
                    self._remember(assembly, config)
                    self._assemble_and_keep(assembly, starting, disk, keep_broken, say)
            finally:
                if not self.is_up():
                    self.home.remove()

    def _remember(self, assembly: Assembly, config: Path | None) -> None:
        state = State(
            holder=assembly.holder,
            hosts=tuple(assembly.hosts),
            root=str(assembly.root),
            started_s=time.time(),
            config=str(config.absolute()) if config else None,
        )
        self.home.save(state)

    def _assemble_and_keep(
        self,
        assembly: Assembly,
        starting: Starting,
        disk: str | None,
        keep_broken: bool,
        say: Say,
    ) -> None:
        try:
            self._assemble(assembly, disk, say)
        except NotReadyError:
            if keep_broken:
                starting.keep()
            raise
        starting.keep()

    def _assemble(self, assembly: Assembly, disk: str | None, say: Say) -> None:
        say("making hosts")
        network.connect(assembly.holder, assembly.hosts)
        authority = assembly.authority
        authority.create()
        person = assembly.host("client")
        client.write_files(
            self.client_directory,
            server=assembly.server,
            bundle=authority.bundle_path,
            certificate=authority.issue([person.dns_name], address=person.ipv4),
        )
        assembly.prepare(assembly.server)
        assembly.start_name_server()
        staged = programs.stage(assembly.root, assembly.staged)
        booted = [host for host in assembly.hosts if host.is_booted]
        for host in booted:
            assembly.prepare(host, disk=disk)
            assembly.install(host, staged)
            assembly.container(host).boot()
        say("booting")
        self._wait([assembly.container(host) for host in booted], assembly.holder)
        say("publishing DNS zones")
        assembly.publish()

    @staticmethod
    def _wait(containers: Sequence[Container], holder: Holder) -> None:
        """Wait until all are ready; an interrupt ends the lab, as the waits end with it."""
        with ThreadPoolExecutor() as pool:
            try:
                list(pool.map(Container.wait_until_ready, containers))
            except KeyboardInterrupt:
                holder.end()
                raise

    def reconfigure(self, *, config: Path | None = None, say: Say = _silent) -> None:
        """Take the checkout as it is now into use on running relays.

        Args:
            config: another configuration than what they have.

        Raises:
            LabError: it does not evaluate, or a unit does not start. The lab goes on running.
        """
        with self.home.locked():
            running = self.assembly()
            booted = [host for host in running.hosts if host.is_booted]
            say("evaluating the description")
            state = self.state()
            if config:
                state = replace(state, config=str(config.absolute()))
            operators = Path(state.config) if state.config else None
            descriptions = describe(running.root, running.hosts, config=operators)
            self.home.save(state)
            assembly = replace(running, descriptions=descriptions)
            staged = programs.stage(assembly.root, assembly.staged)
            say("restarting the hosts")
            for host in booted:
                assembly.restart(host, assembly.install(host, staged))
            self._wait([assembly.container(host) for host in booted], assembly.holder)
            assembly.publish()

    def stop(self) -> None:
        """Take the lab down and delete what it kept; nothing happens if there is none."""
        with self.home.locked():
            self._clear()

    def _clear(self) -> None:
        holder = self.home.holder()
        if holder is not None and holder.is_alive():
            client.end_all(holder)
            holder.end()
        self.home.remove()

    # --- a running lab

    def state(self) -> State:
        """What is running.

        Raises:
            LabError: nothing is.
        """
        state = self.home.load()
        if state is None or not state.holder.is_alive():
            raise LabError(
                f"lab '{self.home.name}' is not up; start it with `scripts/lab up a.test b.test`"
            )
        return state

    def is_up(self) -> bool:
        """Whether the lab runs."""
        holder = self.home.holder()
        return holder is not None and holder.is_alive()

    def assembly(self) -> Assembly:
        """The running lab's parts, without descriptions."""
        state = self.state()
        return Assembly(
            home=self.home, holder=state.holder, root=Path(state.root), hosts=state.hosts,
            descriptions={},
        )  # fmt: skip

    def hosts(self) -> tuple[Host, ...]:
        """All hosts of the running lab."""
        return self.state().hosts

    def relay(self, domain: str) -> Guest:
        """A booted host (relay or classic server) by its domain.

        Raises:
            LabError: there is none, or it does not boot.
        """
        assembly = self.assembly()
        host = assembly.host(domain)
        if not host.is_booted:
            raise LabError(f"{domain} has no operating system of its own")
        return Guest(container=assembly.container(host), tree=assembly.tree(host))

    def command(self, name: str, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` on a host, from this machine.

        Raises:
            LabError: there is no such host, or it does not run.
        """
        assembly = self.assembly()
        host = assembly.host(name)
        if host.is_booted:
            return assembly.container(host).inside(command)
        if host.kind == "client":
            return client.inside(assembly.holder, self.client_directory, command)
        chroot = ["ip", "netns", "exec", host.name, "chroot", str(assembly.merged(host))]
        return assembly.holder.inside(*chroot, *command)

    def log_command(
        self, name: str, *, follow: bool = False, unit: str | None = None, lines: int = 1000
    ) -> list[str]:
        """The command line that shows a host's log."""
        assembly = self.assembly()
        host = assembly.host(name)
        if host.kind == "client":
            raise LabError("the client is this machine; it has no log")
        options = [f"--lines={lines}", *(["--follow"] if follow else [])]
        if host.kind == "dns":
            return ["tail", *options, str(self.home.host_directory(host) / "log")]
        only = [] if unit is None else [f"--unit={unit}"]
        return assembly.container(host).inside(["journalctl", "--no-pager", *options, *only])

    @property
    def client_directory(self) -> Path:
        """Files that commands on the client see instead of the machine's own."""
        return self.home.directory / "client"

    def cut(self, name: str) -> None:
        """Let all packets to and from a host vanish."""
        assembly = self.assembly()
        network.cut(assembly.holder, assembly.host(name))

    def heal(self, name: str) -> None:
        """Undo `cut`."""
        assembly = self.assembly()
        network.heal(assembly.holder, assembly.host(name))
