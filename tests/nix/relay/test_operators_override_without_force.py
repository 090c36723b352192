"""Operators override values of the description in the options of NixOS, without mkForce."""

from nixtest.relay import Describe, Relay

OPERATOR = """
{
  services.chatmail.mail.maxRecipients = 500;
  services.postfix.settings.main.smtpd_banner = "welcome";
  services.postfix.settings.main.smtp_bind_address = "192.0.2.7";
  services.postfix.settings.master.smtp_inet.maxproc = 7;
  services.postfix.submissionOptions.smtpd_tls_mandatory_protocols = ">=TLSv1.2";
  services.dovecot2.settings = {
    imap_hibernate_timeout = "30s";
    "service imap".process_min_avail = 5;
    "protocol imap".imap_capability.XCHATMAIL = false;
    mail_plugins.mail_compress = true;
  };
  services.nginx.virtualHosts."chat.example.org".locations."/status".return = "204";
  services.nginx.virtualHosts."chat.example.org".extraConfig = "keepalive_timeout 5s;";
  services.unbound.settings.server.prefetch = false;
  services.coturn.realm = "elsewhere.example.org";
  systemd.services.chatmail-filter.serviceConfig.MemoryMax = "300M";
  systemd.services.postfix.serviceConfig = { LogLevelMax = "info"; LogFilterPatterns = [ ]; };
  systemd.services.postfix.environment.LD_PRELOAD = "";
  systemd.timers.chatmail-expire.timerConfig.OnCalendar = "03:00";
}
"""


def test_values_of_the_operator_win(describe: Describe, default: Relay) -> None:
    """All other values stay."""
    relay = describe(operator=OPERATOR)
    services = relay.config["services"]

    assert relay.settings["mail"]["maxRecipients"] == 500
    assert relay.postfix["smtpd_recipient_limit"] == 500
    assert relay.postfix["smtpd_banner"] == "welcome"
    assert relay.postfix["smtp_bind_address"] == "192.0.2.7"
    assert default.postfix["smtpd_milters"] == relay.postfix["smtpd_milters"]
    assert services["postfix"]["settings"]["master"]["smtp_inet"]["maxproc"] == 7
    assert (
        default.config["services"]["postfix"]["settings"]["master"]["smtp_inet"]["args"]
        == services["postfix"]["settings"]["master"]["smtp_inet"]["args"]
    )
    submission = services["postfix"]["submissionOptions"]
    assert submission["smtpd_tls_mandatory_protocols"] == ">=TLSv1.2"
    assert submission["milter_macro_daemon_name"] == "submission"
    dovecot = services["dovecot2"]["settings"]
    assert dovecot["imap_hibernate_timeout"] == "30s"
    assert dovecot["service imap"]["process_min_avail"] == 5
    assert {"XCHATMAIL": False, '"COMPRESS=DEFLATE"': False}.items() <= dovecot["protocol imap"][
        "imap_capability"
    ].items()
    assert dovecot["mail_plugins"] == {
        "quota": True,
        "mail_compress": True,
        "mailbox_format": True,
    }
    host = services["nginx"]["virtualHosts"]["chat.example.org"]
    assert host["locations"]["/status"]["return"] == "204"
    assert "keepalive_timeout 5s;" in host["extraConfig"]
    assert "access_log off;" in host["extraConfig"]
    assert services["unbound"]["settings"]["server"]["prefetch"] is False
    assert services["coturn"]["realm"] == "elsewhere.example.org"
    assert relay.units["chatmail-filter"]["serviceConfig"]["MemoryMax"] == "300M"
    assert relay.units["postfix"]["serviceConfig"]["LogLevelMax"] == "info"
    assert relay.units["postfix"]["serviceConfig"]["LogFilterPatterns"] == []
    assert relay.units["postfix"]["environment"]["LD_PRELOAD"] == ""
    timer = relay.config["systemd"]["timers"]["chatmail-expire"]["timerConfig"]
    assert timer["OnCalendar"] == "03:00"


def test_every_setting_of_postfix_can_be_overridden(describe: Describe, default: Relay) -> None:
    """Each is a default."""
    others = {"proxy_interfaces": "192.0.2.9"} | dict.fromkeys(default.postfix, "other")
    lines = "\n".join(f'{name} = "{value}";' for name, value in others.items())

    relay = describe(operator=f"{{ services.postfix.settings.main = {{ {lines} }}; }}")

    assert others.items() <= relay.postfix.items()
