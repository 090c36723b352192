# { lib } -> true: what chatmaild knows about settings is what modules/chatmail/schema.nix makes of the options.
{ lib }:
let
  made = import ../../../modules/chatmail/schema.nix { inherit lib; };
  source = ../../../pkgs/chatmaild/src/chatmaild;
in
lib.assertMsg (
  made.schema == lib.importJSON (source + "/settings.schema.json")
  && made.python == builtins.readFile (source + "/settings_types.py")
) "renew settings.schema.json and settings_types.py: UPDATE_GOLDEN=1 pytest tests/nix"
