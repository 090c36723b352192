# { settings, programs, ... } -> the unit that moves accounts between stores, and what Dovecot does meanwhile.
# ../../../pkgs/chatmaild/src/chatmaild/rebalance
context@{
  settings,
  programs,
  ...
}:
let
  inherit (import ../dovecot/shared.nix context) defaults;
  inherit (import ../services/make.nix context) service;
  inherit (settings) directories sockets users;
in
{
  services.dovecot2.settings = defaults {
    # an account that is not here gets no mailbox, and one that moves waits: ../../../pkgs/preload/plugins/mailbox-format.c
    import_environment.CHATMAIL_STORE = "1";
    # once a second while accounts move; ending the sessions of one takes longer, and most have none
    "service list-sessions" = {
      executable = "script ${programs.doveadm} -f tab who";
      user = users.dovecot;
      "unix_listener ${baseNameOf sockets.listSessions}" = {
        user = users.mail;
        mode = "0600";
      };
    };
  };

  systemd.services.chatmail-rebalance = service "rebalance" users.mail "Moves of chatmail addresses between stores" {
    # with Dovecot sessions end before their mailbox leaves
    wants = [ "dovecot.service" ];
    after = [
      "network.target"
      "dovecot.service"
    ];
    stopIfChanged = false;
    serviceConfig = {
      # other stores wait for the next process
      FileDescriptorStoreMax = 16;
      ReadWritePaths = [
        directories.mail
        directories.accounts
        directories.numbers
        # phones of accounts that have come are notified
        (dirOf sockets.deliveries)
      ];
      # other stores
      RestrictAddressFamilies = [
        "AF_UNIX"
        "AF_INET6"
      ];
      # no low priority: people wait for an account that is out of use
    };
  };
}
