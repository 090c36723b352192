# The suite's relays with limits that a scenario can reach: 4 IMAP and 3 SMTP connections for each network.
{
  imports = [ ../lab.nix ];
  services.chatmail.limits = {
    imapConnections = 20;
    smtpConnections = 15;
  };
}
