# chatmail-www: builds the web pages of a relay. `site SETTINGS` is the folder of pages, where SETTINGS is the
# description's `pages` (modules/chatmail/pages.nix). chatmaild reads the settings.
{
  callPackage,
  lib,
  python3Packages,
  runCommand,
  writeText,
}:
let
  builder = import ../application.nix { inherit lib python3Packages; } {
    directory = ./.;
    ours = [ (callPackage ../chatmaild { }) ];
    # a package set that was cut down has no html5lib, and no tests
    checkInputs = if python3Packages ? html5lib then [ python3Packages.html5lib ] else null;
    passthru = { inherit site; };
  };
  site =
    settings:
    runCommand "chatmail-pages-${settings.domain}" { } ''
      ${lib.getExe builder} --settings ${writeText "pages.json" (builtins.toJSON settings)} --out $out
    '';
in
builder
