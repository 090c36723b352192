# -> the files that describe a machine, by its role: { everywhere; all; front; store; }.
let
  # what clients and other servers connect to
  entrance = [
    ../services/mail.nix
    ../postfix/main.nix
    ../postfix/master.nix
    ../postfix/unit.nix
    ../web/certificate.nix
    ../web/nginx.nix
    ../web/ports.nix
    ../web/pseudonyms.nix
    ../web/site.nix
    ../network/coturn.nix
    ../network/iroh.nix
  ];
  # where mailboxes are
  mailboxes = [
    ../services/accounts.nix
    ../dovecot/mailboxes/delivery.nix
    ../dovecot/mailboxes/push.nix
    ../dovecot/mailboxes/storage.nix
    ../dovecot/mailboxes/conversion.nix
  ];
in
{
  everywhere = [
    ../files.nix
    ../services/metrics.nix
    ../operator/backup.nix
    ../dovecot/main.nix
    ../dovecot/auth.nix
    ../dovecot/clock.nix
    ../dovecot/imap.nix
    ../dovecot/login.nix
    ../dovecot/unit.nix
    ../network/connections.nix
    ../network/move.nix
    ../network/turn-secret.nix
    ../network/unbound.nix
    ./tunnel.nix
  ];
  all = entrance ++ mailboxes;
  front = entrance ++ [
    ../services/directory.nix
    ./queue.nix
  ];
  store = mailboxes ++ [ ./rebalance.nix ];
}
