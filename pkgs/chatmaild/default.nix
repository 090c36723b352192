# chatmaild: the Python services of a relay, and the operator's command `chatmail`.
{
  lib,
  libxcrypt,
  python3Packages,
}:
import ../application.nix
  {
    inherit lib python3Packages;
  }
  {
    directory = ./.;
    checkInputs = [
      python3Packages.dkimpy
      python3Packages.hypothesis
      python3Packages.prometheus-client
      python3Packages.pynacl
    ];
    postInstallCheck = ''
      $out/bin/chatmaild check-settings ${./tests/settings.json}
    '';
    postPatch = ''
      substituteInPlace src/chatmaild/store/passwords.py \
        --replace-fail libcrypt.so.2 ${lib.getLib libxcrypt}/lib/libcrypt.so.2
    '';
  }
