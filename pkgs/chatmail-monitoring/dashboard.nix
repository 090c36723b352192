# -> a dashboard for Grafana 10 and newer, as data; ./dashboard.json is made from it:
# `UPDATE_GOLDEN=1 pytest tests/nix`. A panel is named by its title; `unit` is one of Grafana's.
let
  inherit (builtins)
    elemAt
    foldl'
    genList
    length
    ;
  width = 8;
  height = 7;
  perRow = 24 / width;

  inherit (import ./panels.nix)
    graph
    inAnHour
    line
    number
    of
    perSecond
    quantiles
    total
    ;

  rows = [
    {
      title = "Is it well?";
      panels = [
        (number "Services that answer" "none"
          "1 is up. Postfix counts as down when its queue was not counted for 5 minutes."
          [
            (line "{{source}}" (of "chatmail_source_up"))
          ]
        )
        (number "Units" "none" "1 is running: systemctl status UNIT says more." [
          (line "{{unit}}" (of "chatmail_unit_up"))
        ])
        (number "Last selftest" "none" "1 has passed: chatmail selftest says more." [
          (line "{{check}}" (of "chatmail_selftest_passed"))
        ])
        (number "Certificate: time left" "s" "Of the certificate that clients see." [
          (line "{{instance}}" "${of "chatmail_certificate_expiry_timestamp_seconds"} - time()")
        ])
        (number "DKIM key: age" "s" "Of each selector." [
          (line "{{selector}}" "time() - ${of "chatmail_dkim_key_created_timestamp_seconds"}")
        ])
        (number "Version" "none" "Of chatmaild." [
          (line "{{version}}" (of "chatmail_build_info"))
        ])
      ];
    }
    {
      title = "Mail";
      panels = [
        (graph "Accepted messages" "ops"
          "By ingress, in a second: of our people, of other servers over SMTP and HTTPS, and bounces of this relay."
          [
            (line "{{ingress}}" (perSecond "ingress" "chatmail_messages_accepted_total"))
          ]
        )
        (graph "Deliveries to mailboxes" "ops" "In a second." [
          (line "{{result}}" (perSecond "result" "chatmail_deliveries_total"))
        ])
        (graph "Time until delivery" "s"
          "From the end of a message's content until it is in a mailbox; one of eight is measured."
          (quantiles "chatmail_delivery_seconds")
        )
        (graph "Refusals" "ops" "By reason, in a second; each refused recipient counts." [
          (line "{{reason}} ({{kind}})" (perSecond "reason, kind" "chatmail_refusals_total"))
        ])
        (graph "DKIM of incoming messages" "ops" "In a second." [
          (line "{{result}}" (perSecond "result" "chatmail_dkim_verifications_total"))
        ])
        (graph "Signed messages" "ops" "In a second." [
          (line "{{instance}}" (perSecond "instance" "chatmail_dkim_signatures_total"))
        ])
        (graph "HTTPS out" "ops"
          "Attempts by outcome, in a second; Postfix tries SMTP after all but delivered."
          [
            (line "{{outcome}}" (perSecond "outcome" "chatmail_https_out_total"))
          ]
        )
        (graph "HTTPS out: duration" "s" "Of successful deliveries." (
          quantiles "chatmail_https_out_seconds"
        ))
        (graph "HTTPS in" "ops" "By reply code, in a second." [
          (line "{{code}}" (perSecond "code" "chatmail_https_in_total"))
        ])
        (graph "Mail of others: time since the last offer" "s" "By ingress; a blocked port lets it grow." [
          (line "{{ingress}}" "time() - ${of "chatmail_last_offer_timestamp_seconds"}")
        ])
        (graph "Queue by state" "none"
          "Deferred messages wait for other servers; chatmail queue says for which."
          [
            (line "{{queue}}" (total "queue" "chatmail_queue_messages"))
          ]
        )
        (graph "Queue by age" "none" "Up to 10 minutes, an hour, a day, and more." [
          (line "{{age}}" (total "age" "chatmail_queue_age_messages"))
        ])
        (graph "Oldest message of each queue" "s" "Only deferred ones may be old." [
          (line "{{queue}}" "max by (queue) (${of "chatmail_queue_oldest_age_seconds"})")
        ])
      ];
    }
    {
      title = "Addresses";
      panels = [
        (graph "Addresses" "none" "Of people and of tests; counted once an hour." [
          (line "{{kind}}" (total "kind" "chatmail_addresses"))
        ])
        (graph "Active addresses" "none" "With a login in so many days." [
          (line "{{days}} days" (total "days" "chatmail_addresses_active"))
        ])
        (graph "New addresses" "none"
          "By kind, in the last hour; automatic ones are relays that clients add by themselves."
          [
            (line "{{kind}}" (inAnHour "kind" "chatmail_addresses_created_total"))
          ]
        )
        (graph "Refused new addresses" "none" "By reason, in the last hour." [
          (line "{{reason}}" (inAnHour "reason" "chatmail_registrations_refused_total"))
        ])
        (graph "Logins" "ops" "In a second; slowed ones wait, because their network guesses passwords." [
          (line "{{result}}" (perSecond "result" "chatmail_logins_total"))
        ])
        (graph "Connections" "none" "By public port: 143 and 993 are IMAP." [
          (line "{{port}}" (total "port" "chatmail_connections"))
        ])
      ];
    }
    {
      title = "Several machines";
      panels = [
        (number "Stores that answer" "none" "1 answers this front." [
          (line "{{store}} of {{instance}}" (of "chatmail_store_up"))
        ])
        (graph "Look-ups of addresses" "ops"
          "By result, in a second: of the fronts at the stores; unavailable ones wait for a store."
          [
            (line "{{result}}" (perSecond "result" "chatmail_directory_lookups_total"))
            (line "from memory" (perSecond "job" "chatmail_directory_cached_total"))
          ]
        )
      ];
    }
    {
      title = "Push";
      panels = [
        (graph "Notifications" "ops" "Attempts by the status of the notification server, in a second." [
          (line "{{result}}" (perSecond "result" "chatmail_notifications_total"))
        ])
        (graph "Time until notification" "s" "From the delivery until the notification server took it." (
          quantiles "chatmail_notification_seconds"
        ))
        (graph "Oldest waiting notification" "s" "Phones sleep meanwhile." [
          (line "{{instance}}" (of "chatmail_notifications_oldest_age_seconds"))
        ])
      ];
    }
    {
      title = "Machine";
      panels = [
        (graph "Processor time" "percentunit" "By unit; 1 is a whole core." [
          (line "{{unit}}" (perSecond "unit" "chatmail_unit_cpu_seconds_total"))
        ])
        (graph "Memory" "bytes" "By unit, with its page cache." [
          (line "{{unit}}" (total "unit" "chatmail_unit_memory_bytes"))
        ])
        (graph "Free memory" "percentunit" "Memory that programs can still get." [
          (line "{{instance}}" "${of "chatmail_memory_available_bytes"} / ${of "chatmail_memory_size_bytes"}")
        ])
        (graph "Free space" "percentunit" "Of the disks with the mailboxes and with the queue." [
          (line "{{directory}}" "${of "chatmail_disk_free_bytes"} / ${of "chatmail_disk_size_bytes"}")
          (line "{{directory}}: inodes" "${of "chatmail_disk_free_inodes"} / ${of "chatmail_disk_inodes"}")
        ])
        (graph "Mail" "bytes" "Size of all mailboxes, counted once a day." [
          (line "{{instance}}" (of "chatmail_mailboxes_bytes"))
        ])
        (graph "Messages" "none" "In all mailboxes, counted once a day." [
          (line "{{instance}}" (of "chatmail_mailboxes_messages"))
        ])
        (graph "Deletion of old mail: age of the last run" "s" "It runs once a day." [
          (line "{{instance}}" "time() - ${of "chatmail_expire_last_success_timestamp_seconds"}")
        ])
      ];
    }
  ];

  source = {
    type = "prometheus";
    uid = "\${datasource}";
  };
  target = n: entry: {
    refId = elemAt [ "A" "B" "C" ] n;
    expr = entry.query;
    legendFormat = entry.legend;
    datasource = source;
  };
  panel = id: x: y: given: {
    inherit id;
    inherit (given) type title description;
    datasource = source;
    gridPos = {
      inherit x y;
      w = width;
      h = height;
    };
    fieldConfig = {
      defaults = {
        inherit (given) unit;
      }
      // (if given.type == "timeseries" then { min = 0; } else { });
      overrides = [ ];
    };
    targets = genList (n: target n (elemAt given.lines n)) (length given.lines);
    options =
      if given.type == "stat" then
        # Grafana leaves out the name of a single number, which is the version
        { textMode = "value_and_name"; }
      else
        { };
  };
  header = id: y: title: {
    inherit id title;
    type = "row";
    collapsed = false;
    gridPos = {
      inherit y;
      x = 0;
      w = 24;
      h = 1;
    };
  };
  # { id; y; panels; } and a row -> the same with the row below
  add =
    done: row:
    let
      count = length row.panels;
      place =
        n:
        panel (done.id + 1 + n) ((n - (n / perRow) * perRow) * width) (done.y + 1 + (n / perRow) * height) (
          elemAt row.panels n
        );
    in
    {
      id = done.id + 1 + count;
      y = done.y + 1 + ((count + perRow - 1) / perRow) * height;
      panels = done.panels ++ [ (header done.id done.y row.title) ] ++ genList place count;
    };
in
{
  title = "Chatmail relay";
  uid = "chatmail-relay";
  tags = [ "chatmail" ];
  schemaVersion = 38;
  editable = true;
  refresh = "1m";
  time = {
    from = "now-24h";
    to = "now";
  };
  templating.list = [
    {
      name = "datasource";
      label = "Prometheus";
      type = "datasource";
      query = "prometheus";
    }
    {
      name = "relay";
      label = "Relay";
      type = "query";
      datasource = source;
      query = "label_values(chatmail_build_info, instance)";
      refresh = 1;
      includeAll = true;
      multi = true;
      allValue = ".*";
      current = {
        text = "All";
        value = "$__all";
      };
    }
  ];
  inherit
    (foldl' add {
      id = 1;
      y = 0;
      panels = [ ];
    } rows)
    panels
    ;
}
