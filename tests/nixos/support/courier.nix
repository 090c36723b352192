# { pkgs } -> the command `courier` (courier.py), which uses the mail clients of tests/e2e; `.suite` is the command
# `acceptance --relays a.test,b.test ...`, which runs tests/e2e.
{ pkgs }:
let
  inherit (pkgs) lib;
  python = pkgs.python3.withPackages (packages: [
    packages.cryptography
    packages.deltachat-rpc-client
    packages.dkimpy
    packages.dnspython
    packages.imapclient
    packages.pytest
    packages.pytest-timeout
  ]);
  suite = pkgs.runCommand "chatmail-acceptance-suite" { } ''
    mkdir -p $out
    cp -r ${../../e2e} $out/e2e
    # one scenario imports the filter's address parser
    mkdir -p $out/pkgs/chatmaild
    cp -r ${../../../pkgs/chatmaild/src} $out/pkgs/chatmaild/src
    cp ${../../../pyproject.toml} $out/pyproject.toml
  '';
in
(pkgs.writeShellScriptBin "courier" ''
  export PYTHONPATH=${suite}/e2e PYTHONDONTWRITEBYTECODE=1
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
