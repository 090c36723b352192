# The same relay with our filter taken out: what Postfix and Dovecot cost by themselves.
{
  services.chatmail.registration.maxLoad = 1000;
  # all people come from one IP address
  services.chatmail.registration.perIpBurst = 1000000;
  # the notification server of the load program
  services.chatmail.push.notifierUrl = "https://client.test:9443/notify";
  services.postfix.settings.main = {
    smtpd_milters = "";
    submission_milters = "";
    non_smtpd_milters = "";
  };
}
