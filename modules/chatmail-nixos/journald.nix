# The journal of a relay tells warnings, in memory, for three days. A drop-in of journald.conf(5), because NixOS 26.11
# renames the options that 26.05 has; `environment.etc."systemd/journald.conf.d/chatmail.conf".enable = false` undoes it.
{ config, lib, ... }:
let
  text = ''
    [Journal]
    Storage=volatile
    MaxRetentionSec=3day
  '';
in
{
  config = lib.mkIf config.services.chatmail.enable {
    environment.etc."systemd/journald.conf.d/chatmail.conf" = { inherit text; };
    systemd.services.systemd-journald.restartTriggers = [ text ];
  };
}
