# chatmaild: the Python services of a relay, and the operator's command `chatmail`.
{
  lib,
  libxcrypt,
  python3Packages,
}:
let
  # As Debian builds it: with a pool of threads instead of one for each connection, and with poll() instead of select(),
  # which ends at 1024 connections.
  pymilter = python3Packages.pymilter.override (given: {
    libmilter = given.libmilter.overrideAttrs (old: {
      env = old.env or { } // {
        NIX_CFLAGS_COMPILE = "${old.env.NIX_CFLAGS_COMPILE or ""} -D_FFR_WORKERS_POOL=1 -DSM_CONF_POLL=1";
      };
    });
  });
in
import ../application.nix
  {
    inherit lib;
    python3Packages = python3Packages // {
      inherit pymilter;
    };
  }
  {
    directory = ./.;
    checkInputs = [
      python3Packages.dkimpy
      python3Packages.hypothesis
    ];
    postInstallCheck = ''
      $out/bin/chatmaild check-settings ${./tests/settings.json}
    '';
    postPatch = ''
      substituteInPlace src/chatmaild/accounts/crypt.py \
        --replace-fail libcrypt.so.2 ${lib.getLib libxcrypt}/lib/libcrypt.so.2
    '';
  }
