# { lib, settings } -> { incoming; outgoing; }: rules of nftables for the tunnel between the machines of a cluster, empty
# without one. The tunnel tells the machines apart; these say what each may ask, and which of its processes.
{ lib, settings }:
let
  inherit (settings)
    cluster
    iroh
    ports
    users
    ;
  isCluster = cluster.role != "all";
  isStore = cluster.role == "store";
  addressesOf = machines: map (machine: machine.address) (lib.attrValues machines);
  mail = [
    ports.lmtp
    ports.accounts
  ];
  # `chatmail selftest` logs in where fronts do
  self.address = cluster.address;
  here = "ip6 daddr ${cluster.address}";
  store = "ip6 daddr ${set (addressesOf cluster.stores)}";
  set = elements: "{ ${lib.concatMapStringsSep ", " toString elements} }";
  new = "ct state new";
  refuse = "reject with tcp reset";
  open = numbers: "iifname ${cluster.interface} ${new} tcp dport != ${set numbers} ${refuse}";
  from = machines: numbers: "${here} tcp dport ${set numbers} ip6 saddr != ${set (addressesOf machines)} ${refuse}";
  # the only users of this machine whose processes talk to a port of the stores
  only = port: names: "${store} tcp dport ${toString port} ${new} meta skuid != ${set names} ${refuse}";
in
{
  incoming = lib.optionalString isCluster ''
    # Linux answers for each of its addresses on every interface: what is for the tunnel comes through it
    iifname != { lo, ${cluster.interface} } ${here} drop
    ${
      if isStore then
        ''
          ${
            open (
              mail
              ++ [
                ports.imap
                ports.moves
              ]
            )
          }
          ${from cluster.fronts mail}
          ${from (cluster.fronts // { inherit self; }) [ ports.imap ]}
          ${from cluster.stores [ ports.moves ]}''
      else
        ''
          ${open [
            iroh.port
            ports.challenges
          ]}
          iifname != { lo, ${cluster.interface} } tcp dport ${toString ports.challenges} drop''
    }
  '';
  # a process of another user that was taken over speaks for nobody
  outgoing =
    lib.optionalString (cluster.role == "front") ''
      ${only ports.imap [ users.dovecotLogin ]}
      ${only ports.lmtp [ users.postfix ]}
      ${
        only ports.accounts [
          "root"
          users.mail
        ]
      }
    ''
    + lib.optionalString isStore ''
      ${only ports.moves [ users.mail ]}
      ${only ports.imap [ "root" ]}
    '';
}
