# { lib, settings, programs, sandbox, ... } -> rules of nftables: IMAP connections for each IPv4 address and each /64 of
# IPv6. Dovecot counts for each pair of user and IP address only, and not before the login. Postfix counts SMTP itself.
# Also: ports on which nginx passes the network of a client accept no other user of the machine.
{
  lib,
  settings,
  programs,
  sandbox,
  ...
}:
let
  inherit (settings)
    cluster
    limits
    ports
    users
    ;
  isPublic = cluster.role != "store";
  shared = isPublic && settings.web.port443 == "shared";
  perPort = lib.optionalAttrs isPublic {
    ${toString ports.imap} = limits.imapConnectionsPerIp;
    ${toString ports.imaps} = limits.imapConnectionsPerIp;
  }
  # before the first bytes nobody knows which protocol a client of port 443 speaks
  // lib.optionalAttrs shared {
    ${toString ports.https} = limits.port443ConnectionsPerIp;
  };
  behindNginx = lib.concatMapStringsSep ", " toString (
    [
      ports.submissionInternal
      ports.submissionsInternal
    ]
    ++ lib.optional shared ports.imapsInternal
  );
  tunnel = import ../cluster/firewall.nix { inherit lib settings; };
  each = f: lib.concatStringsSep "\n" (lib.mapAttrsToList f perPort);
  # a customer gets at least a /64 (RFC 6177)
  ipv6Network = "ip6 saddr & ffff:ffff:ffff:ffff::";
  table = "inet chatmail-connections";
  file = "chatmail/connections.nft";
  load = "${programs.nft} -f /etc/${file}";
in
{
  environment.etc.${file}.text = ''
    # one transaction: what was there, if anything, is replaced
    add table ${table}
    delete table ${table}
    table ${table} {
      # networks that are connected now, in the kernel's memory; a full set limits nobody
      ${each (
        port: _: ''
          set ipv4-${port} { type ipv4_addr; size 65535; flags dynamic; }
          set ipv6-${port} { type ipv6_addr; size 65535; flags dynamic; }''
      )}
      chain incoming {
        type filter hook input priority filter - 5; policy accept;
        ${tunnel.incoming}
        iif lo accept
        ct state != new accept
        ${each (
          port: limit: ''
            tcp dport ${port} add @ipv4-${port} { ip saddr ct count over ${toString limit} } reject with tcp reset
            tcp dport ${port} add @ipv6-${port} { ${ipv6Network} ct count over ${toString limit} } reject with tcp reset''
        )}
      }
      ${lib.optionalString isPublic ''
        chain local {
          type filter hook output priority filter - 5; policy accept;
          oif lo tcp dport { ${behindNginx} } ct state new meta skuid != "${users.nginx}" reject with tcp reset
          ${tunnel.outgoing}
        }''}${lib.optionalString (!isPublic) ''
          chain local {
            type filter hook output priority filter - 5; policy accept;
            ${tunnel.outgoing}
          }''}
    }
  '';

  systemd.services.chatmail-connections = {
    description = "Limits of connections for each network, and of local ones to ports behind nginx";
    wantedBy = [ "multi-user.target" ];
    before = [
      "dovecot.service"
      "nginx.service"
    ];
    # a firewall that flushes all rules takes ours away: they are loaded again with it
    after = [ "nftables.service" ];
    partOf = [ "nftables.service" ];
    unitConfig = {
      ReloadPropagatedFrom = "nftables.service";
      # some containers may not set rules: IMAP is not limited for each network there (docs/threat-model.md)
      ConditionCapability = "CAP_NET_ADMIN";
    };
    serviceConfig = sandbox // {
      Type = "oneshot";
      RemainAfterExit = true;
      ExecStart = load;
      ExecReload = load;
      ExecStop = "${programs.nft} delete table ${table}";
      DynamicUser = true;
      # all that it needs to load rules
      AmbientCapabilities = "CAP_NET_ADMIN";
      CapabilityBoundingSet = "CAP_NET_ADMIN";
      # the capability counts in the machine's own user namespace only
      PrivateUsers = false;
      RestrictAddressFamilies = [ "AF_NETLINK" ];
    };
  };
}
