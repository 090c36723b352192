# { lib } -> true: the settings files of chatmaild are current; modules/chatmail/schema.nix generates them from the
# options.
{ lib }:
let
  made = import ../../../modules/chatmail/schema.nix { inherit lib; };
  source = ../../../pkgs/chatmaild/src/chatmaild;
in
lib.assertMsg (
  made.schema == lib.importJSON (source + "/settings.schema.json")
  && made.python == builtins.readFile (source + "/settings_types.py")
) "settings.schema.json or settings_types.py is out of date: run UPDATE_GOLDEN=1 pytest tests/nix"
