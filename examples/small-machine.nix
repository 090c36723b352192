# A relay for a circle of friends on a machine with 1 GB of memory.
{
  imports = [ ../modules/chatmail.nix ];

  services.chatmail = {
    enable = true;
    domain = "chat.example.org";
    limits = {
      imapConnections = 1000;
      smtpConnections = 100;
    };
    retention.quotaMegabytes = 100;
    registration.minFreeMemoryMegabytes = 50;
    registration.minFreeDiskMegabytes = 500;
    turn.enable = false;
    iroh.enable = false;
  };

  security.acme = {
    acceptTerms = true;
    defaults.email = "admin@example.org";
  };
}
