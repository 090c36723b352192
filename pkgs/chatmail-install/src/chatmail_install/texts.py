"""The texts that the operator reads before and after the installation."""

import textwrap
from collections.abc import Iterator, Mapping

from chatmail_install.dns import Published
from chatmail_install.machine import Machine, Uplink, size_text
from chatmail_install.plan import Plan

WIDTH = 100
TERMS = "https://letsencrypt.org/repository/"


def machine_text(machine: Machine, target: str) -> str:
    """The inspected machine."""
    virtual = "" if machine.virtualisation == "none" else f", {machine.virtualisation}"
    start = "EFI" if machine.efi else "BIOS"
    lines = [
        f"{target}: {machine.os_name}, {machine.system or 'unknown processor'}{virtual}, "
        f"{size_text(machine.memory)} of memory, starts by {start}"
    ]
    for disk in machine.disks:
        lines.append(f"  disk     {disk.path}  {size_text(disk.size)}  {disk.model}".rstrip())
        lines += [f"             {part}" for part in disk.parts]
    lines.append(f"  IPv4     {_uplink(machine.ipv4)}")
    lines.append(f"  IPv6     {_uplink(machine.ipv6)}")
    lines.append(f"  port 25  {'open' if machine.port25 else 'closed'} outwards")
    return "\n".join(lines)


def _uplink(uplink: Uplink | None) -> str:
    if uplink is None:
        return "none"
    addresses = ", ".join(map(str, uplink.addresses))
    how = "given by the network" if uplink.automatic else f"fixed, gateway {uplink.gateway}"
    return f"{addresses} on {uplink.name} ({how})"


def dns_text(published: Published) -> str:
    """The published records."""
    if not published.known:
        return "  DNS      no answer"
    addresses = ", ".join(sorted(published.addresses)) or "no address"
    mail = ", ".join(published.mail_servers) or "none"
    return f"  DNS      {addresses}; mail servers: {mail}"


def plan_text(plan: Plan, directory: str) -> str:
    """The steps, notes and problems of the plan."""
    parts = []
    if plan.disk is not None and not plan.problems:
        steps = [
            f"Write the flake of this relay to {directory}, under git.",
            f"Erase {plan.disk.path} ({size_text(plan.disk.size)}): everything on it is lost, "
            f"{plan.machine.os_name} included. Other disks stay as they are.",
            f"Install NixOS and the relay {plan.request.domain}. Root logs in by ssh, with one of "
            f"{len(plan.keys)} keys.",
            f"Order a certificate; by this you agree to {TERMS}.",
        ]
        parts += ["What is done:", *_listed(steps, "1. ")]
    if plan.notes:
        parts += ["Please note:", *_listed(plan.notes, "* ")]
    if plan.problems:
        parts += ["This cannot be done:", *_listed(plan.problems, "* ")]
    return "\n".join(parts)


def _listed(sentences: list[str] | tuple[str, ...], mark: str) -> Iterator[str]:
    for number, sentence in enumerate(sentences, 1):
        first = f"  {number}. " if mark == "1. " else f"  {mark}"
        yield textwrap.fill(
            sentence,
            WIDTH,
            initial_indent=first,
            subsequent_indent=" " * len(first),
            break_on_hyphens=False,
            break_long_words=False,
        )


def files_text(files: Mapping[str, str]) -> str:
    """All files of the flake."""
    return "\n".join(f"--- {name}\n{content}" for name, content in files.items())


def next_text(domain: str, target: str) -> str:
    """What the operator does next."""
    return "\n".join(
        [
            "What remains:",
            *_listed(
                [
                    "Publish the records above at your domain's provider.",
                    "Wait a quarter of an hour: the certificate is ordered when DNS is right. "
                    f"At once: ssh {target} systemctl start acme-order-renew-{domain}",
                    f"Try it: ssh {target} 'chatmail dns --check; chatmail selftest'",
                ],
                "1. ",
            ),
        ]
    )
