# Operator configuration of the relays that the acceptance suite runs against.
{
  services.chatmail = {
    registration = {
      # relays and tests share one machine, so its load is high
      maxLoad = 1000;
      # all scenarios use one IP address
      perIpBurst = 1000;
    };
    # the test kit's own server: chatmail_testkit/peers/notifier.py
    push.notifierUrl = "https://client.test:9443/notify";
    web.contact.mail = "privacy@lab.test";
    appVersionsFile = "/etc/chatmail/appversions.json";
    monitoring.metrics.enable = true;
    # no timer runs it in a lab: the scenarios of backup/ do
    backup = {
      enable = true;
      repository = "/var/backups/chatmail";
      passwordFile = "/etc/chatmail/backup-password";
      schedule = "*-02-29 03:15";
      withMail = true;
    };
    # Debian has no iroh-relay
    iroh.program = "/etc/chatmail/iroh-stand-in";
  };
  # a scenario sends thousands of malformed addresses in one session
  services.postfix.settings.main = {
    smtpd_soft_error_limit = 10000;
    smtpd_hard_error_limit = 10000;
  };
  environment.etc."chatmail/backup-password".text = "secret of the lab";
  environment.etc."chatmail/iroh-stand-in" = {
    source = ./web/iroh_stand_in.py;
    mode = "0755";
  };
  environment.etc."chatmail/appversions.json".text = builtins.toJSON {
    clients = [
      {
        clientId = "chat.delta";
        sources = [
          {
            sourceId = "f-droid";
            versionInteger = 800;
            versionString = "2.60.0";
            downloadUrl = "https://f-droid.example/chat.delta_800.apk";
          }
        ];
      }
    ];
  };
}
