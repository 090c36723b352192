# -> the text of docs/options.md, out of the declarations in modules/chatmail/options.nix. Needs no nixpkgs: types are
# their own descriptions here.   nix-instantiate --eval --strict --json docs/options.nix | jq -rj . > docs/options.md
let
  inherit (builtins)
    attrNames
    concatMap
    concatStringsSep
    isAttrs
    isBool
    isList
    isString
    replaceStrings
    toJSON
    ;

  quoted = value: if isString value then toJSON value else toString value;
  types = {
    bool = "boolean";
    str = "string";
    lines = "text of several lines";
    path = "path";
    package = "package";
    port = "port (0 to 65535)";
    numbers.positive = "number above 0";
    ints = {
      positive = "integer above 0";
      unsigned = "integer, 0 or above";
      between = low: high: "integer from ${toString low} to ${toString high}";
    };
    # with a `description` of its own (modules/chatmail/types.nix), that
    strMatching = pattern: {
      description = "string that matches `${pattern}`";
      __toString = type: type.description;
    };
    enum = values: "one of ${concatStringsSep ", " (map (value: "`${quoted value}`") values)}";
    nullOr = type: "null or ${type}";
    listOf = type: "list of (${type})";
    attrsOf = type: "attribute set of (${type})";
  };
  lib = {
    inherit types;
    mkOption = declaration: declaration // { isOption = true; };
    literalExpression = text: { inherit text; };
    literalMD = text: { inherit text; };
  };

  show =
    value:
    if value == null then
      "null"
    else if isBool value then
      (if value then "true" else "false")
    else if isList value then
      "[ ${concatStringsSep " " (map show value ++ [ "]" ])}"
    else if isAttrs value && value ? text then
      value.text
    else if isAttrs value then
      "{ ${
        concatStringsSep " " (map (name: "${name} = ${show value.${name}};") (attrNames value) ++ [ "}" ])
      }"
    else
      quoted value;

  # [ { name; declaration; } ], in the order of the names
  flat =
    prefix: tree:
    concatMap (
      name:
      let
        path = "${prefix}.${name}";
        node = tree.${name};
      in
      if !(node.isOption or false) then
        flat path node
      else if node.internal or false then
        [ ]
      else
        [
          {
            name = path;
            declaration = node;
          }
        ]
    ) (attrNames tree);

  # references of NixOS' manual become plain code
  plain = replaceStrings [ "{option}`" "{file}`" "{command}`" ] [ "`" "`" "`" ];
  withoutLastBreak =
    text:
    let
      length = builtins.stringLength text;
    in
    if length > 0 && builtins.substring (length - 1) 1 text == "\n" then
      builtins.substring 0 (length - 1) text
    else
      text;
  entry =
    { name, declaration }:
    let
      default = declaration.defaultText or declaration.default or null;
      hasDefault = declaration ? default || declaration ? defaultText;
    in
    concatStringsSep "\n" (
      [
        "## `${name}`"
        ""
        (plain (withoutLastBreak declaration.description))
        ""
      ]
      ++ [
        "* Type: ${declaration.type}"
        (if hasDefault then "* Default: `${show default}`" else "* Must be set.")
      ]
      ++ (if declaration ? example then [ "* Example: `${show declaration.example}`" ] else [ ])
      ++ [ "" ]
    );
in
''
  # Options

  Everything that can be set below `services.chatmail`.
  This page is made by [options.nix](options.nix) from the declarations in
  [modules/chatmail/options.nix](../modules/chatmail/options.nix); a check fails when it is out of date.
  Every value of Postfix, Dovecot, nginx and systemd that the module sets can be overridden by the operator, too,
  under its own option of NixOS.

''
+ concatStringsSep "\n" (
  map entry (flat "services.chatmail" (import ../modules/chatmail/options.nix { inherit lib; }))
)
