# { settings, ... } -> the unit that knows the stores of all addresses.
context@{
  settings,
  ...
}:
let
  inherit (import ./make.nix context)
    keepsListening
    service
    ;
  inherit (settings) directories sockets users;
in
{
  systemd.services = {
    chatmail-directory = service "directory" users.mail "Chatmail addresses of all stores" {
      stopIfChanged = false;
      serviceConfig = keepsListening // {
        ReadWritePaths = [
          # which stores it knows
          directories.accounts
        ]
        ++ map dirOf [
          sockets.recipients
          sockets.transportRecipients
          sockets.web
          sockets.directory
          sockets.accountsMetrics
        ];
        # its memory: /proc/meminfo
        ProcSubset = "all";
        # which user connects to the port for logins: the kernel tells (netlink)
        PrivateUsers = "identity";
        # Dovecot's logins, Postfix' look-ups, and the stores
        RestrictAddressFamilies = [
          "AF_UNIX"
          "AF_INET"
          "AF_INET6"
          "AF_NETLINK"
        ];
      };
    };
  };
}
