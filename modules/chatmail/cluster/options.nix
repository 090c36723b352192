# { lib } -> services.chatmail.cluster: one domain on several machines. The same values on all of them but `machine`.
{ lib }:
let
  inherit (lib) mkOption types;
  inherit (import ../types.nix { inherit lib; })
    endpoint
    machineName
    port
    wireguardKey
    ;
  machine = {
    host = mkOption {
      type = endpoint;
      example = "store1.chat.example.org";
      description = "Name or IP address at which the other machines of the cluster reach this one.";
    };
    publicKey = mkOption {
      type = wireguardKey;
      example = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
      description = "WireGuard public key of this machine: `wg pubkey < KEYFILE`.";
    };
  };
  named =
    description: options:
    types.attrsOf (
      types.submoduleWith {
        inherit description;
        modules = [ { inherit options; } ];
      }
    );
in
{
  machine = mkOption {
    type = types.nullOr machineName;
    default = null;
    example = "front1";
    description = ''
      Name of this machine in {option}`services.chatmail.cluster.fronts` or
      {option}`services.chatmail.cluster.stores`, which says what it does.
      Null: this machine is the whole relay.
    '';
  };

  fronts = mkOption {
    type = named "front" machine;
    default = { };
    example = {
      front1 = {
        host = "192.0.2.1";
        publicKey = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
      };
    };
    description = ''
      Machines that clients and other servers connect to: web, SMTP, the queue, and a proxy for IMAP.
      DNS names all of them. They hold no mailbox.
    '';
  };

  stores = mkOption {
    type = named "store" (
      machine
      // {
        weight = mkOption {
          type = types.ints.positive;
          default = 1;
          example = 4;
          description = "Share of new addresses that this store gets, compared with the weights of the others.";
        };
        state = mkOption {
          type = types.enum [
            "new"
            "open"
            "draining"
          ];
          default = "open";
          example = "new";
          description = ''
            `open`: gets new addresses.
            `new`: every front knows it, and it gets none yet; set it first on all machines, so that no two fronts disagree.
            `draining`: keeps those that it has until `chatmail rebalance` has moved them, and gets no new ones.
          '';
        };
      }
    );
    default = { };
    example = {
      store1 = {
        host = "192.0.2.3";
        publicKey = "gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA=";
      };
    };
    description = "Machines that hold passwords and mailboxes. They have no public port but that of WireGuard.";
  };

  earlier = mkOption {
    type = types.listOf (types.attrsOf types.ints.positive);
    default = [ ];
    example = [
      {
        store1 = 1;
        store2 = 1;
      }
    ];
    description = ''
      Weights before the last changes, the newest first. Add an entry when you open a store or change a weight.
      Before you change a weight or drain a store, the first entry has the weights as they will be.
      A drained store needs no entry.
      Remove all entries when `chatmail rebalance --status` says *done* for all stores.
      While a store does not answer, fronts use them to know which addresses it can have.
    '';
  };

  privateKeyFile = mkOption {
    type = types.nullOr types.path;
    default = null;
    example = "/var/lib/secrets/wireguard.key";
    description = "File with the WireGuard private key of this machine, which only root reads.";
  };

  secretFile = mkOption {
    type = types.nullOr types.path;
    default = null;
    example = "/var/lib/secrets/cluster.secret";
    description = ''
      File with the same long random text on all machines, which only root reads.
      Credentials for calls, which a store gives, are checked with it by every front.
    '';
  };

  port = mkOption {
    type = port;
    default = 51820;
    example = 51821;
    description = "UDP port of WireGuard, on all machines of the cluster.";
  };
}
