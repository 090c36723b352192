"""From nothing to hosts that are ready: how a lab and its single hosts start."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chatmail_lab.assembly import Assembly
from chatmail_lab.errors import LabError
from chatmail_lab.host.container import Container
from chatmail_lab.image import programs
from chatmail_lab.network import client, links
from chatmail_lab.plan import Host

Say = Callable[[str], None]


def assemble(assembly: Assembly, client_directory: Path, disk: str | None, say: Say) -> None:
    """Make and boot all hosts, wait until they are ready, and publish their records.

    Raises:
        NotReadyError: A host does not become ready.
    """
    say("making hosts")
    links.connect(assembly.keeper, assembly.hosts)
    authority = assembly.authority
    authority.create()
    client_host = assembly.host("client")
    client.write_files(
        client_directory,
        server=assembly.name_server,
        bundle=authority.bundle_path,
        certificate=authority.issue([client_host.dns_name], addresses=[client_host.ipv4]),
    )
    assembly.prepare(assembly.name_server)
    assembly.start_name_server()
    digest = programs.build_programs(assembly.image, assembly.programs_directory)
    for host in assembly.booted_hosts:
        assembly.prepare(host, disk=disk)
        assembly.install(host, digest)
        assembly.container(host).boot()
    say("booting")
    wait_until_ready(assembly, assembly.booted_hosts)
    say("publishing DNS zones")
    assembly.publish()


def wait_until_ready(assembly: Assembly, hosts: Sequence[Host]) -> None:
    """Wait for hosts; on an interrupt kill the lab, which ends the waiting threads."""
    containers = [assembly.container(host) for host in hosts]
    with ThreadPoolExecutor() as pool:
        try:
            list(pool.map(Container.wait_until_ready, containers))
        except KeyboardInterrupt:
            assembly.keeper.kill()
            raise


def boot_again(assembly: Assembly, host: Host) -> None:
    """Boot a host that was killed, and wait until it is ready.

    Raises:
        LabError: It runs, or boots no operating system.
        NotReadyError: It does not become ready.
    """
    if not host.is_booted or assembly.container(host).is_up():
        raise LabError(f"{host.name} is up already")
    links.forget(assembly.keeper, host)
    assembly.container(host).boot()
    wait_until_ready(assembly, [host])
