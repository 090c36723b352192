# { settings, ... } -> the users, directories and the settings file that several services share.
{ lib, settings, ... }:
let
  inherit (lib) genAttrs;
  inherit (settings) directories users;
  owned = user: mode: {
    d = {
      inherit user mode;
      group = user;
    };
  };
in
{
  environment.etc."chatmail/settings.json".text = builtins.toJSON settings;

  users.users =
    genAttrs
      [
        users.mail
        users.filter
        users.transport
      ]
      (user: {
        isSystemUser = true;
        group = user;
      });
  users.groups =
    genAttrs [
      users.mail
      users.filter
      users.transport
    ] (_: { })
    // {
      ${users.tlsGroup}.members = [ users.nginx ];
    };

  systemd.tmpfiles.settings."10-chatmail" = {
    ${directories.state} = owned "root" "0755";
    # a member of the group may look at a name that it knows (markers), and neither list nor read
    ${directories.mail} = owned users.mail "0710";
    ${directories.accounts} = owned users.mail "0700";
    ${directories.dkim} = owned users.filter "0700";
  };
}
