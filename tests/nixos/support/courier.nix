# { pkgs } -> the command `courier` (courier.py) with chatmail-testkit; `.suite` is the command
# `acceptance --relays a.test,b.test ...`, which runs tests/e2e.
{ pkgs }:
let
  inherit (pkgs) lib;
  python = pkgs.python3.withPackages (packages: [
    packages.aiosmtplib
    packages.cryptography
    packages.deltachat-rpc-client
    packages.dkimpy
    packages.dnspython
    packages.imapclient
    packages.prometheus-client
    packages.pytest
    packages.pytest-timeout
  ]);
  suite = pkgs.runCommand "chatmail-acceptance-suite" { } ''
    mkdir -p $out/pkgs/chatmaild $out/pkgs/chatmail-testkit
    cp -r ${../../e2e} $out/e2e
    cp -r ${../../../pkgs/chatmail-testkit/src} $out/pkgs/chatmail-testkit/src
    # one scenario imports the filter's address parser
    cp -r ${../../../pkgs/chatmaild/src} $out/pkgs/chatmaild/src
    cp ${../../../pyproject.toml} $out/pyproject.toml
    # packages have a link to it
    cp ${../../../VERSION} $out/VERSION
  '';
in
(pkgs.writeShellScriptBin "courier" ''
  export PYTHONPATH=${suite}/pkgs/chatmail-testkit/src PYTHONDONTWRITEBYTECODE=1
  exec ${python}/bin/python3 ${./courier.py} "$@"
'').overrideAttrs
  (old: {
    passthru = old.passthru or { } // {
      suite = pkgs.writeShellScriptBin "acceptance" ''
        export PYTHONDONTWRITEBYTECODE=1 PATH=$PATH:${lib.makeBinPath [ pkgs.deltachat-rpc-server ]}
        cd ${suite}/e2e
        exec ${python}/bin/python3 -m pytest -p no:cacheprovider --rootdir ${suite} --network outside "$@"
      '';
    };
  })
