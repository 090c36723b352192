# { pkgs, config } -> a check: the Postfix and Dovecot of a NixOS machine (its `config`) are those that the lab runs
# (tests/nix/golden), but for what compare.py names with a reason. Builds their files only, not the machine.
{ pkgs, config }:
pkgs.runCommand "chatmail-lab-and-nixos-agree"
  {
    nativeBuildInputs = [
      pkgs.dovecot
      pkgs.postfix
      pkgs.python3
    ];
    # names the two files, which no option does
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
