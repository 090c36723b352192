# { settings, ... } -> the users, directories and the settings file that several services share.
{ lib, settings, ... }:
let
  inherit (lib) genAttrs optionalAttrs;
  inherit (settings) directories sockets users;
  inherit (settings.cluster) role;
  owned = user: mode: {
    d = {
      inherit user mode;
      group = user;
    };
  };
  # Only the group may connect. The setgid bit hands the group on to the sockets: the service, alone in its user
  # namespace, cannot give a file to a group of which it is no member.
  door = server: client: {
    d = {
      user = server;
      group = client;
      mode = "2750";
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
        users.metrics
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
      users.metrics
    ] (_: { })
    // optionalAttrs (role != "store") {
      ${users.tlsGroup}.members = [ users.nginx ];
    };

  systemd.tmpfiles.settings."10-chatmail" = {
    ${directories.state} = owned "root" "0755";
    ${directories.operator} = owned "root" "0755";
    # a member of the group may look at a name that it knows (markers), and neither list nor read
    ${directories.mail} = owned users.mail "0710";
    ${directories.accounts} = owned users.mail "0700";
    ${directories.numbers} = owned users.mail "0755";
    ${directories.backup} = owned "root" "0755";
    ${directories.dkim} = owned users.filter "0700";
    ${directories.transport} = owned users.transport "0700";
  };
  systemd.tmpfiles.settings."10-chatmail-sockets" = {
    ${dirOf sockets.accountsMetrics} = door users.mail users.metrics;
  }
  // optionalAttrs (role != "front") {
    ${dirOf sockets.deliveries} = door users.mail users.dovecot;
  }
  // optionalAttrs (role != "store") {
    ${dirOf sockets.recipients} = door users.mail users.postfix;
    ${dirOf sockets.transportRecipients} = door users.mail users.transport;
    ${dirOf sockets.web} = door users.mail users.nginx;
    ${dirOf sockets.milterDirect} = door users.filter users.transport;
    ${dirOf sockets.mxdeliv} = door users.transport users.nginx;
    ${dirOf sockets.destinations} = door users.transport users.postfix;
    ${dirOf sockets.filterMetrics} = door users.filter users.metrics;
    ${dirOf sockets.transportMetrics} = door users.transport users.metrics;
  }
  // optionalAttrs (role == "front") {
    # the filter is a member of this group
    ${dirOf sockets.directory} = door users.mail users.mail;
  };
}
