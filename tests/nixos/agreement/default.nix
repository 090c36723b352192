# { pkgs, system } -> a check: the Postfix and Dovecot of a NixOS machine (`system`, its toplevel) are those that the lab
# runs (tests/nix/golden), but for what compare.py names with a reason.
{ pkgs, system }:
pkgs.runCommand "chatmail-lab-and-nixos-agree"
  {
    nativeBuildInputs = [
      pkgs.dovecot
      pkgs.postfix
      pkgs.python3
    ];
  }
  ''
    etc=$(readlink -f ${system}/etc)
    setup=$(grep -hoE '/nix/store/[^ ]*postfix-setup-start' $etc/systemd/system/postfix-setup.service | head -1)
    mkdir nixos lab
    for file in main master; do
      cp "$(grep -oE "/nix/store/[^ ]*postfix-$file.cf" "$setup" | head -1)" nixos/$file.cf
      cp ${../../nix/golden}/$file.cf lab/
    done
    cp $etc/dovecot/dovecot.conf nixos/
    cp ${../../nix/golden}/dovecot.conf lab/
    python3 ${./compare.py} nixos lab
    touch $out
  ''
