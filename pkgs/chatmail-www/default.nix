# chatmail-www: builds the web pages of a relay. `site SETTINGS` is the folder of pages; SETTINGS is `pages` of the
# description (modules/chatmail/web/pages.nix).
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
    # a reduced package set has no html5lib; then there are no unit tests
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
