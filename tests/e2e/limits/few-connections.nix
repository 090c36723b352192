# The suite's relays with limits that a scenario can reach: 4 IMAP, 3 SMTP and 1 web connection for each network.
{
  imports = [ ../lab.nix ];
  services.chatmail.limits = {
    imapConnections = 20;
    smtpConnections = 15;
    webConnections = 5;
  };
}
