"""The operator's flake: the template, filled in, and what was seen of the machine."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from chatmail_install.plan import Network, Plan

NAME = "relay"
# disko names a partition after disk and partition; docs/install.md keeps disk.nix for a second time
ROOT = "/dev/disk/by-partlabel/disk-main-root"
BOOT = "/dev/disk/by-partlabel/disk-main-ESP"
# virtual machines whose devices are virtio's
VIRTIO = frozenset({"kvm", "qemu", "amazon", "google"})
# found by any firmware, without a word in its memory
REMOVABLE = """\
boot.loader.grub = {
  device = "nodev";
  efiSupport = true;
  efiInstallAsRemovable = true;
};"""
# as the template has them
SETTINGS = """\
domain = "chat.example.org"; # -> your domain
              web.contact.mail = "me@example.org"; # -> for questions about privacy"""


class TemplateError(RuntimeError):
    """The template of the repository is not the one that this program knows."""


def files(plan: Plan, target: str, template: Path) -> dict[str, str]:
    """Name and content of every file."""
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
    """What stands in the template, and what is written instead."""
    wish = plan.wish
    contact = f"web.contact.mail = {_quoted(wish.contact)};" if wish.contact else ""
    lines = [f"domain = {_quoted(wish.domain)};", contact]
    if plan.machine.ipv4 is None:
        lines.append("ipv4.enable = false;")
    settings = "\n              ".join(line for line in lines if line)
    keys = "".join(f"\n              {_quoted(key)}" for key in plan.keys)
    return {
        '# A machine that is a chatmail relay. Fill in the places marked with "->", then on the'
        " machine:\n#   nixos-rebuild switch --flake .#relay; chatmail dns\n": (
            f"# The chatmail relay {wish.domain}. After a change:\n"
            f"#   nixos-rebuild switch --flake .#{NAME} --target-host {target}\n"
        ),
        "    # -> where this template came from\n": "",
        '"github:example/chatmail"': _quoted(wish.chatmail),
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
        "# What chatmail-install saw on the machine: processor, disk, boot loader, network.\n"
        f"{'{ modulesPath, ... }:' + chr(10) if virtio else ''}{{\n{imports}{body}\n}}\n"
    )


def _block(plan: Plan) -> str:
    machine = plan.machine
    modules = "".join(f"\n  {_quoted(module)}" for module in machine.modules)
    lines = [f"nixpkgs.hostPlatform = {_quoted(machine.system or '')};"]
    if modules:
        lines.append(f"boot.initrd.availableKernelModules = [{modules}\n];")
    if machine.virtualisation == "none":
        lines.append("hardware.enableRedistributableFirmware = true;")
    if machine.efi:
        lines.append(REMOVABLE)
    else:
        lines.append(f"boot.loader.grub.device = {_quoted(plan.device)};")
    lines += ["# the partitions of disk.nix", _file_system("/", ROOT, "ext4")]
    if machine.efi:
        lines.append(_file_system("/boot", BOOT, "vfat", 'options = [ "umask=0077" ];'))
    lines.append("zramSwap.enable = true;")
    return "\n".join(lines)


def _file_system(place: str, device: str, kind: str, *more: str) -> str:
    lines = [f"device = {_quoted(device)};", f"fsType = {_quoted(kind)};", *more]
    return f"fileSystems.{_quoted(place)} = {{\n{_indented(chr(10).join(lines), 2)}\n}};"


def _network(network: Network) -> str:
    lines = [
        f"matchConfig.MACAddress = {_quoted(network.mac)};",
        "networkConfig = {",
        f"  DHCP = {_quoted(network.dhcp)};",
        f"  IPv6AcceptRA = {'true' if network.accept_ra else 'false'};",
        "};",
        "address = [",
        *(f"  {_quoted(str(address))}" for address in network.fixed),
        "];",
        "routes = [",
        *(line for gateway in network.gateways for line in _route(*gateway)),
        "];",
    ]
    return "\n".join(
        [
            "# no DHCP server tells these",
            "networking = {",
            "  useDHCP = false;",
            "  useNetworkd = true;",
            "};",
            "# the relay's own resolver answers",
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
            f"    Gateway = {_quoted(gateway)};",
            "    GatewayOnLink = true;",
            "  }",
        )
    else:
        yield f"  {{ Gateway = {_quoted(gateway)}; }}"


def disk(plan: Plan) -> str:
    """`disk.nix`: the layout for disko, which the installation alone reads."""
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
# The disk as disko made it; the machine's file systems stand in hardware-configuration.nix.
# Only a new installation reads this file, and erases the disk.
{{
  disko.devices.disk.main = {{
    type = "disk";
    device = {_quoted(plan.device)};
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


def _quoted(text: str) -> str:
    # Nix and JSON differ in `${` alone
    return json.dumps(text, ensure_ascii=False).replace("${", "\\${")
