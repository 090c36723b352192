"""Writes the operator's flake: the filled template, hardware and disk layout."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from chatmail_install.plan import Network, Plan

NAME = "relay"
# disko's partition labels: the names of disk and partition in disk.nix
ROOT = "/dev/disk/by-partlabel/disk-main-root"
BOOT = "/dev/disk/by-partlabel/disk-main-ESP"
# virtual machines with virtio devices
VIRTIO = frozenset({"kvm", "qemu", "amazon", "google"})
# any firmware finds this boot loader, without an entry in its variables
REMOVABLE = """\
boot.loader.grub = {
  device = "nodev";
  efiSupport = true;
  efiInstallAsRemovable = true;
};"""
# lines of the template
SETTINGS = """\
domain = "chat.example.org"; # -> your domain
              web.contact.mail = "me@example.org"; # -> for questions about privacy"""


class TemplateError(RuntimeError):
    """The template differs from the one that this program fills."""


def files(plan: Plan, target: str, template: Path) -> dict[str, str]:
    """The files of the flake: their names and contents."""
    text = (template / "flake.nix").read_text(encoding="utf-8")
    return {
        "flake.nix": _filled(text, _changes(plan, target)),
        "hardware-configuration.nix": hardware(plan),
        "disk.nix": disk(plan),
    }


def _filled(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        if text.count(old) != 1:
            raise TemplateError(f"the template has not exactly one {old!r}")
        text = text.replace(old, new)
    if "->" in text:
        raise TemplateError("the template has a place that is not filled in")
    return text


def _changes(plan: Plan, target: str) -> dict[str, str]:
    """Texts of the template, and their replacements."""
    request = plan.request
    contact = f"web.contact.mail = {quoted(request.contact)};" if request.contact else ""
    lines = [f"domain = {quoted(request.domain)};", contact]
    if plan.machine.ipv4 is None:
        lines.append("ipv4.enable = false;")
    settings = "\n              ".join(line for line in lines if line)
    keys = "".join(f"\n              {quoted(key)}" for key in plan.keys)
    return {
        '# A machine that is a chatmail relay. Fill in the places marked with "->", then on the'
        " machine:\n#   nixos-rebuild switch --flake .#relay; chatmail dns\n": (
            f"# The chatmail relay {request.domain}. After a change:\n"
            f"#   nixos-rebuild switch --flake .#{NAME} --target-host {target}\n"
        ),
        "    # -> where this template came from\n": "",
        '"github:example/chatmail"': quoted(request.chatmail),
        "          # -> disks, boot loader, network\n": "          # disks, boot loader, network\n",
        "            services.openssh.enable = true;\n": (
            "            services.openssh.enable = true;\n"
            f"            users.users.root.openssh.authorizedKeys.keys = [{keys}\n            ];\n"
        ),
        SETTINGS: settings,
        "            # -> read the terms at https://letsencrypt.org/repository/\n": (
            "            # the terms: https://letsencrypt.org/repository/\n"
        ),
    }


def hardware(plan: Plan) -> str:
    """`hardware-configuration.nix`."""
    machine = plan.machine
    virtio = machine.virtualisation in VIRTIO
    parts = [_indented(_block(plan), 2)]
    if plan.network is not None:
        parts.append(_indented(_network(plan.network), 2))
    body = "\n\n".join(parts)
    imports = '  imports = [ "${modulesPath}/profiles/qemu-guest.nix" ];\n\n' if virtio else ""
    return (
        "# The hardware that chatmail-install found: processor, disk, boot loader, network.\n"
        f"{'{ modulesPath, ... }:' + chr(10) if virtio else ''}{{\n{imports}{body}\n}}\n"
    )


def _block(plan: Plan) -> str:
    machine = plan.machine
    modules = "".join(f"\n  {quoted(module)}" for module in machine.modules)
    lines = [f"nixpkgs.hostPlatform = {quoted(machine.system or '')};"]
    if modules:
        lines.append(f"boot.initrd.availableKernelModules = [{modules}\n];")
    if machine.virtualisation == "none":
        lines.append("hardware.enableRedistributableFirmware = true;")
    if machine.efi:
        lines.append(REMOVABLE)
    else:
        lines.append(f"boot.loader.grub.device = {quoted(plan.device)};")
    lines += ["# the partitions of disk.nix", _file_system("/", ROOT, "ext4")]
    if machine.efi:
        lines.append(_file_system("/boot", BOOT, "vfat", 'options = [ "umask=0077" ];'))
    lines.append("zramSwap.enable = true;")
    return "\n".join(lines)


def _file_system(place: str, device: str, kind: str, *more: str) -> str:
    lines = [f"device = {quoted(device)};", f"fsType = {quoted(kind)};", *more]
    return f"fileSystems.{quoted(place)} = {{\n{_indented(chr(10).join(lines), 2)}\n}};"


def _network(network: Network) -> str:
    lines = [
        f"matchConfig.MACAddress = {quoted(network.mac)};",
        "networkConfig = {",
        f"  DHCP = {quoted(network.dhcp)};",
        f"  IPv6AcceptRA = {'true' if network.accept_ra else 'false'};",
        "};",
        "address = [",
        *(f"  {quoted(str(address))}" for address in network.fixed),
        "];",
        "routes = [",
        *(line for gateway in network.gateways for line in _route(*gateway)),
        "];",
    ]
    return "\n".join(
        [
            "# DHCP does not provide these",
            "networking = {",
            "  useDHCP = false;",
            "  useNetworkd = true;",
            "};",
            "# unbound of the relay is the resolver",
            "services.resolved.enable = false;",
            'systemd.network.networks."10-uplink" = {',
            _indented("\n".join(lines), 2),
            "};",
        ]
    )


def _route(gateway: str, outside: bool) -> Iterator[str]:
    if outside:
        yield from (
            "  {",
            f"    Gateway = {quoted(gateway)};",
            "    GatewayOnLink = true;",
            "  }",
        )
    else:
        yield f"  {{ Gateway = {quoted(gateway)}; }}"


def disk(plan: Plan) -> str:
    """`disk.nix`: the layout for disko, which only the installation reads."""
    boot = (
        """ESP = {
  size = "512M";
  type = "EF00";
  content = {
    type = "filesystem";
    format = "vfat";
    mountpoint = "/boot";
    mountOptions = [ "umask=0077" ];
  };
};"""
        if plan.machine.efi
        else """boot = {
  size = "1M";
  type = "EF02";
};"""
    )
    return f"""\
# The layout of the disk, for disko; the file systems are in hardware-configuration.nix, too.
# Only a new installation reads this file. It erases the disk.
{{
  disko.devices.disk.main = {{
    type = "disk";
    device = {quoted(plan.device)};
    content = {{
      type = "gpt";
      partitions = {{
{_indented(boot, 8)}
        root = {{
          size = "100%";
          content = {{
            type = "filesystem";
            format = "ext4";
            mountpoint = "/";
          }};
        }};
      }};
    }};
  }};
}}
"""


def _indented(text: str, spaces: int) -> str:
    return "\n".join(" " * spaces + line if line else "" for line in text.splitlines())


def quoted(text: str) -> str:
    """A string in Nix."""
    # strings of Nix and JSON differ only in `${`
    return json.dumps(text, ensure_ascii=False).replace("${", "\\${")
