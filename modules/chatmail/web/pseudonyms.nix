# { lib, settings, programs, sandbox, ... } -> the IP address from which nginx connects to Postfix: a loopback one, as a
# pseudonym of the client's network. Postfix counts connections and Dovecot counts password guesses per network, without
# its IP address. The hash of nginx is not cryptographic. The salt of each boot separates pseudonyms of different boots;
# an attacker with many pairs of networks and pseudonyms of one boot could find others of it.
{
  lib,
  settings,
  programs,
  sandbox,
  ...
}:
let
  inherit (builtins)
    concatStringsSep
    length
    stringLength
    substring
    ;
  inherit (settings) users;
  directory = "chatmail-pseudonyms";
  salt = "/run/${directory}/salt";

  # maps hashes of `source` to `values` with equal shares of two decimals; the last one takes the rest
  split =
    name: source: values:
    let
      hundredths = toString (10000 / length values);
      digits = stringLength hundredths - 2;
      share = "${substring 0 digits hundredths}.${substring digits 2 hundredths}%";
      last = lib.last values;
    in
    ''
      split_clients "${name} ''${chatmail_salt} ''${${source}} ''${chatmail_salt}" $chatmail_${name} {
      ${concatStringsSep "\n" (
        map (value: "  ${if value == last then "*" else share} ${toString value};") values
      )}
      }
    '';
  tens = lib.range 1 24;
  ones = lib.range 0 9;
in
{
  services.nginx.streamConfig = lib.mkBefore ''
    ${import ./network-key.nix}
    # networks of one IPv6 site, a /48 (RFC 6177), have pseudonyms in one /24: guesses are counted for sites, too
    map $binary_remote_addr $chatmail_site {
      "~(?s)^(?<chatmail_site_prefix>.{6}).{10}$" $chatmail_site_prefix;
      default $binary_remote_addr;
    }
    map "" $chatmail_salt {
      include ${salt};
    }
    ${split "b1" "chatmail_site" (lib.range 10 24)}
    ${split "b0" "chatmail_site" ones}
    ${split "c1" "chatmail_site" tens}
    ${split "c0" "chatmail_site" ones}
    ${split "d1" "chatmail_network" tens}
    ${split "d0" "chatmail_network" ones}
    # 127.100.10.10 to 127.249.249.249; other services trust 127.0.0.1
    map $chatmail_network $chatmail_pseudonym {
      "" 127.0.0.1;
      default 127.$chatmail_b1$chatmail_b0.$chatmail_c1$chatmail_c0.$chatmail_d1$chatmail_d0;
    }
  '';

  systemd.services.chatmail-pseudonyms = {
    description = "Salt for pseudonyms of networks";
    before = [ "nginx.service" ];
    requiredBy = [ "nginx.service" ];
    script = ''
      test -s ${salt} || {
        printf 'default %s;\n' "$(${programs.openssl} rand -hex 32)" > ${salt}.new
        mv ${salt}.new ${salt}
      }
    '';
    serviceConfig = sandbox // {
      Type = "oneshot";
      RemainAfterExit = true;
      User = users.nginx;
      Group = users.nginx;
      RuntimeDirectory = directory;
      RuntimeDirectoryMode = "0700";
      # connections are counted by pseudonym: it stays the same while this machine runs
      RuntimeDirectoryPreserve = true;
      PrivateNetwork = true;
    };
  };
}
