# { pkgs, config } -> a check: a NixOS machine (`config`) has the same Postfix and Dovecot configuration as the lab
# (tests/nix/golden), with the exceptions of compare.py. Builds only these files of the machine.
{ pkgs, config }:
pkgs.runCommand "chatmail-lab-and-nixos-agree"
  {
    nativeBuildInputs = [
      pkgs.dovecot
      pkgs.postfix
      pkgs.python3
    ];
    # no option has the paths of main.cf and master.cf; this script has
    setup = config.systemd.services.postfix-setup.script;
    passAsFile = [ "setup" ];
    dovecot = config.environment.etc."dovecot/dovecot.conf".source;
  }
  ''
    mkdir nixos lab
    for file in main master; do
      cp "$(grep -oE "/nix/store/[^ ]*postfix-$file.cf" "$setupPath" | head -1)" nixos/$file.cf
      cp ${../../nix/golden}/$file.cf lab/
    done
    cp "$dovecot" nixos/dovecot.conf
    cp ${../../nix/golden}/dovecot.conf lab/
    python3 ${./compare.py} nixos lab
    touch $out
  ''
