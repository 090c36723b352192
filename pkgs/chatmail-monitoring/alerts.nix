# -> alert rules of Prometheus, as data; ./alerts.json is made from it: `UPDATE_GOLDEN=1 pytest tests/nix`.
# JSON is YAML, too. Each has a sentence, and the command that says more or repairs it.
let
  alert = severity: name: minutes: expr: summary: repair: {
    alert = name;
    inherit expr;
    for = "${toString minutes}m";
    labels = { inherit severity; };
    annotations = { inherit summary repair; };
  };
  # mail or logins do not work
  critical = alert "critical";
  # somebody should look within a day
  warning = alert "warning";
  inherit (builtins) toString;
  words = builtins.concatStringsSep " ";
  day = toString 86400;
  # what a relay counted in some minutes, of all labels
  grown = minutes: metric: "sum by (instance, job) (increase(${metric}[${toString minutes}m]))";
  rate = minutes: metric: "sum by (instance, job) (rate(${metric}[${toString minutes}m]))";
in
{
  groups = [
    {
      name = "chatmail";
      rules = [
        (critical "ChatmailPageMissing" 5 "up{job=\"chatmail\"} == 0"
          "{{ $labels.instance }} does not answer Prometheus."
          "systemctl status chatmail-metrics; is the machine up?"
        )
        (critical "ChatmailSourceDown" 5 "chatmail_source_up == 0"
          "{{ $labels.source }} of {{ $labels.instance }} does not answer."
          "chatmail status; systemctl status postfix chatmail-{{ $labels.source }}"
        )
        (critical "ChatmailUnitDown" 5 "chatmail_unit_up == 0"
          "{{ $labels.unit }} of {{ $labels.instance }} has no processes."
          "systemctl status {{ $labels.unit }}; systemctl start {{ $labels.unit }}"
        )
        # on the fronts of several machines
        (critical "ChatmailStoreDown" 2 "chatmail_store_up == 0"
          "{{ $labels.store }} does not answer {{ $labels.instance }}: its people cannot log in, and their mail waits."
          "is {{ $labels.store }} up? chatmail status there; wg show on both machines"
        )
        (warning "ChatmailMovesFail" 30 "chatmail_rebalance_failing == 1"
          "Addresses of {{ $labels.instance }} do not move to the store where they belong."
          "chatmail rebalance --status"
        )
        (critical "ChatmailQueueStuck" 5
          "chatmail_queue_oldest_age_seconds{queue=~\"maildrop|incoming|active\"} > 900"
          "A message of {{ $labels.instance }} has been in the queue {{ $labels.queue }} for {{ $value | humanizeDuration }}."
          "postqueue -p; journalctl -u postfix"
        )
        (warning "ChatmailManyDeferred" 30 "chatmail_queue_messages{queue=\"deferred\"} > 1000"
          "{{ $value }} messages of {{ $labels.instance }} wait for other servers."
          "postqueue -p shows for which, and why"
        )
        (critical "ChatmailNothingDelivered" 5 (words [
          "${grown 15 "chatmail_messages_accepted_total"} > 20 and"
          "${grown 15 "chatmail_deliveries_total{result=\"delivered\"}"} +"
          "${grown 15 "chatmail_https_out_total{outcome=\"delivered\"}"} == 0"
        ]) "{{ $labels.instance }} accepts mail and delivers none." "chatmail selftest; postqueue -p")
        (warning "ChatmailDeliveriesFail" 15
          "${rate 15 "chatmail_deliveries_total{result=\"failed\"}"} > 0.1 * ${rate 15 "chatmail_deliveries_total"}"
          "More than a tenth of the deliveries of {{ $labels.instance }} fail."
          "journalctl -u dovecot; chatmail status (space, inodes)"
        )
        (warning "ChatmailSlowDelivery" 15
          "histogram_quantile(0.9, sum by (instance, job, le) (rate(chatmail_delivery_seconds_bucket[15m]))) > 5"
          "A tenth of the messages of {{ $labels.instance }} take {{ $value | humanizeDuration }} or longer."
          "chatmail status (load, memory); postqueue -p"
        )
        (warning "ChatmailInternalErrors" 0
          "${grown 15 "chatmail_refusals_total{reason=\"internal error\"}"} > 0"
          "The filter of {{ $labels.instance }} had internal errors; senders try again."
          "journalctl -u chatmail-filter"
        )
        (warning "ChatmailResolverFails" 10
          (words [
            "${rate 15 "chatmail_dkim_verifications_total{result=\"key_unavailable\"}"} >"
            "0.2 * ${rate 15 "chatmail_dkim_verifications_total"}"
          ])
          "DNS does not answer {{ $labels.instance }} for more than a fifth of the DKIM keys."
          "systemctl status unbound; journalctl -u unbound"
        )
        (warning "ChatmailHttpsOutFails" 30
          (words [
            "${rate 30 "chatmail_https_out_total{outcome=~\"unusable|broken|busy\"}"} >"
            "0.5 * ${rate 30 "chatmail_https_out_total"} and ${grown 30 "chatmail_https_out_total"} > 20"
          ])
          "More than half of the deliveries of {{ $labels.instance }} over HTTPS fail; SMTP is tried."
          "is port 443 open outwards? journalctl -u chatmail-transport"
        )
        (warning "ChatmailPushLate" 10 "chatmail_notifications_oldest_age_seconds > 900"
          "A notification of {{ $labels.instance }} has waited for {{ $value | humanizeDuration }}; phones sleep."
          "chatmail selftest (push); journalctl -u chatmail-accounts"
        )
        (critical "ChatmailDiskFull" 5 "chatmail_disk_free_bytes / chatmail_disk_size_bytes < 0.05"
          "The disk ({{ $labels.directory }}) of {{ $labels.instance }} has {{ $value | humanizePercentage }} left."
          "make room; mail waits in the queues meanwhile"
        )
        (critical "ChatmailInodesGone" 5 "chatmail_disk_free_inodes / chatmail_disk_inodes < 0.05"
          "The disk ({{ $labels.directory }}) of {{ $labels.instance }} has {{ $value | humanizePercentage }} of its inodes left."
          "lower retention.maxMessages, or move to a file system with more inodes"
        )
        (critical "ChatmailCertificateEnds" 60
          "chatmail_certificate_expiry_timestamp_seconds - time() < 10 * ${day}"
          "The certificate of {{ $labels.instance }} ends in {{ $value | humanizeDuration }}."
          "chatmail selftest (certificate); journalctl -u 'acme-*'"
        )
        (warning "ChatmailMemoryShort" 15
          "chatmail_memory_available_bytes / chatmail_memory_size_bytes < 0.05"
          "{{ $labels.instance }} has {{ $value | humanizePercentage }} of its memory left."
          "systemd-cgtop --order=memory shows the largest units; stop what the relay does not need, or add memory"
        )
        (critical "ChatmailSelftestFailed" 0 "chatmail_selftest_passed == 0"
          "The last selftest of {{ $labels.instance }} failed at {{ $labels.check }}."
          "chatmail selftest"
        )
        # NixOS runs it once an hour
        (warning "ChatmailSelftestOld" 60 "time() - chatmail_selftest_timestamp_seconds > 6 * 3600"
          "The last selftest of {{ $labels.instance }} was {{ $value | humanizeDuration }} ago."
          "systemctl start chatmail-selftest.timer; journalctl --unit chatmail-selftest"
        )
        (warning "ChatmailUpgradeFailed" 0 "chatmail_upgrade_passed == 0"
          "The last upgrade of {{ $labels.instance }} failed; the previous system runs."
          "cat /var/lib/chatmail-upgrade/last-report.json"
        )
        # only where people write to other servers: those would answer
        (warning "ChatmailNothingComesIn" 60
          (words [
            "time() - chatmail_last_offer_timestamp_seconds > 7 * ${day} and on (instance, job)"
            "${grown 1440 "chatmail_https_out_total{outcome=\"delivered\"}"} > 0"
          ])
          "No server has offered mail to {{ $labels.instance }} over {{ $labels.ingress }} for {{ $value | humanizeDuration }}."
          "from another machine: nc -vz {{ $labels.instance }} 25 and 443; then the firewall, the router, the provider"
        )
        (warning "ChatmailOldMailStays" 60
          "time() - chatmail_expire_last_success_timestamp_seconds > 2 * ${day}"
          "{{ $labels.instance }} has not deleted old mail for {{ $value | humanizeDuration }}."
          "systemctl status chatmail-expire; systemctl start chatmail-expire"
        )
        (warning "ChatmailBackupOld" 60
          "time() - chatmail_backup_last_success_timestamp_seconds > 2 * ${day}"
          "The last backup of {{ $labels.instance }} is {{ $value | humanizeDuration }} old."
          "chatmail backup create; systemctl status chatmail-backup.timer"
        )
        (warning "ChatmailBackupFailed" 0 "increase(chatmail_backup_failures_total[1d]) > 0"
          "A backup of {{ $labels.instance }} failed."
          "chatmail status says why; chatmail backup create"
        )
        (warning "ChatmailNoNewAddresses" 15
          "${grown 15 "chatmail_registrations_refused_total{reason=\"overloaded\"}"} > 0"
          "{{ $labels.instance }} refuses new addresses: load, memory, disk space or inodes are beyond the limits."
          "journalctl -u chatmail-accounts says which; services.chatmail.registration"
        )
        (warning "ChatmailCountsOld" 30 "time() - chatmail_addresses_counted_timestamp_seconds > 3 * 3600"
          "The addresses of {{ $labels.instance }} were last counted {{ $value | humanizeDuration }} ago."
          "systemctl status chatmail-count chatmail-count.timer"
        )
      ];
    }
  ];
}
