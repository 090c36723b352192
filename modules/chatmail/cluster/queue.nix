# { lib, settings, programs, sandbox, ... } -> Postfix of a front: it delivers to stores, which may be silent, and return.
context@{
  lib,
  settings,
  programs,
  sandbox,
  ...
}:
let
  inherit (import ../services/make.nix context) asksQueue;
  inherit (lib) mkDefault;
  inherit (settings) mailDomain sockets users;
in
{
  services.postfix.settings = {
    main = lib.mapAttrs (_: mkDefault) {
      # Through the tunnel a store is milliseconds away. One that lost power holds 20 delivery agents at most, for a few
      # seconds; then the transport map says that it is down.
      lmtp_connect_timeout = "5s";
      lmtp_lhlo_timeout = "15s";
      lmtp_rset_timeout = "5s";
      lmtp_mail_timeout = "15s";
      lmtp_rcpt_timeout = "60s";
      lmtp_data_init_timeout = "30s";
      lmtp_data_xfer_timeout = "60s";
      lmtp_quit_timeout = "5s";
      # lmtp_data_done_timeout stays 600 s: a store that has the message, and is slow, would get it twice

      # which messages are for people here: only these are tried when a store is back
      fast_flush_domains = mailDomain;
    };
    # 20 for each store (default_destination_concurrency_limit): some silent ones leave enough for the others
    master.lmtp = {
      command = "lmtp";
      maxproc = mkDefault 500;
    };
  };

  systemd.paths.chatmail-flush = {
    description = "Return of a store";
    wantedBy = [ "multi-user.target" ];
    pathConfig.PathChanged = sockets.storeReturned;
  };
  systemd.services.chatmail-flush = {
    description = "Delivery of mail that waits for a store";
    # at boot it waits for Postfix
    after = [ "postfix.service" ];
    unitConfig.StartLimitIntervalSec = 0;
    serviceConfig = sandbox // asksQueue // {
      Type = "oneshot";
      # without Postfix there is nothing to do: it runs its queue when it starts
      ExecStart = "-${programs.postqueue} -s ${mailDomain}";
      User = users.mail;
      Group = users.mail;
    };
  };
}
