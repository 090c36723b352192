# The files that examples/cluster names, made at the first boot. The kernel of a container may have no WireGuard: then the
# program of the same protocol does it.
{ lib, pkgs, ... }:
{
  services.chatmail.registration.maxLoad = 1000;
  systemd.services.make-secrets = {
    requiredBy = [ "wg-quick-chatmail.service" ];
    before = [
      "wg-quick-chatmail.service"
      "chatmail-turn-secret.service"
    ];
    path = [
      pkgs.openssl
      pkgs.wireguard-tools
    ];
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
      UMask = "0077";
    };
    script = ''
      mkdir -p /var/lib/secrets
      cd /var/lib/secrets
      test -s wireguard.key || wg genkey > wireguard.key
      test -s cluster.secret || openssl rand -hex 32 > cluster.secret
    '';
  };
  systemd.services.wg-quick-chatmail = {
    environment.WG_QUICK_USERSPACE_IMPLEMENTATION = "wireguard-go";
    path = lib.mkAfter [
      pkgs.iproute2
      pkgs.wireguard-go
    ];
  };
}
