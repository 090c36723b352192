# chatmail-www: builds the web pages of a relay. `site SETTINGS` is the folder of pages, where SETTINGS is the
# description's `pages` (modules/chatmail/pages.nix).
{
  lib,
  python3Packages,
  runCommand,
  writeText,
}:
let
  builder = python3Packages.buildPythonApplication {
    pname = "chatmail-www";
    version = "0.1.0";
    pyproject = true;

    src = lib.fileset.toSource {
      root = ./.;
      fileset = lib.fileset.unions [
        ./pyproject.toml
        ./src
      ];
    };

    build-system = [ python3Packages.setuptools ];
    dependencies = builtins.attrValues {
      inherit (python3Packages)
        click
        jinja2
        segno
        ;
    };

    pythonImportsCheck = [ "chatmail_www" ];
    passthru = { inherit site; };

    meta = {
      description = "Builds the web pages of a chatmail relay";
      license = lib.licenses.mit;
      mainProgram = "chatmail-www";
    };
  };

  site =
    settings:
    runCommand "chatmail-pages-${settings.domain}" { } ''
      ${lib.getExe builder} --settings ${writeText "pages.json" (builtins.toJSON settings)} --out $out
    '';
in
builder
