# -> the text of docs/options.md, from the declarations in modules/chatmail/options.nix, grouped by task. Needs no
# nixpkgs: types are their own descriptions here.
#   nix-instantiate --eval --strict --json docs/site/options.nix | jq -rj . > docs/options.md
let
  inherit (builtins)
    any
    attrNames
    concatMap
    concatStringsSep
    elem
    filter
    isAttrs
    isBool
    isList
    isString
    replaceStrings
    stringLength
    substring
    toJSON
    ;

  # In this order. `options` names options or whole sets below services.chatmail; each option is in one group.
  groups = [
    {
      title = "The relay";
      about = "`domain` is the only one that you must set besides `enable`.";
      options = [
        "domain"
        "enable"
        "ipv4"
        "ipv6"
        "openFirewall"
        "stateDir"
      ];
    }
    {
      title = "Certificate and DKIM key";
      about = "How to order the certificate over DNS: [Operate](operate.md#order-the-certificate-now).";
      options = [
        "tls"
        "dkim"
      ];
    }
    {
      title = "Addresses";
      about = "Who can create an address, and what it looks like. Commands: [People and addresses](operate/people.md).";
      options = [
        "accounts"
        "registration"
      ];
    }
    {
      title = "Mail";
      about = "The rules that no option changes are in [Mail rules](mail-rules.md).";
      options = [
        "mail"
        "domains"
        "privateNetworks"
      ];
    }
    {
      title = "Storage and deletion";
      about = "What is kept, and for how long.";
      options = [ "retention" ];
    }
    {
      title = "Connections and memory";
      about = "The defaults suit a machine with 2 GB; [a small machine](../examples/small-machine.nix) needs less.";
      options = [
        "imap"
        "limits"
      ];
    }
    {
      title = "Several machines";
      about = "One domain that outgrows a machine: [Scale](scale.md).";
      options = [ "cluster" ];
    }
    {
      title = "Web pages";
      about = "The home page, the privacy policy, and who answers on port 443.";
      options = [ "web" ];
    }
    {
      title = "Push, calls and realtime channels";
      about = "What clients read as IMAP METADATA.";
      options = [
        "push"
        "turn"
        "iroh"
        "appVersionsFile"
      ];
    }
    {
      title = "Monitoring";
      about = "Metrics, dashboard and alerts: [Monitoring](operate/monitoring.md).";
      options = [ "monitoring" ];
    }
    {
      title = "Backup";
      about = "How to make, check and restore one: [Back up](operate/upkeep.md#back-up).";
      options = [ "backup" ];
    }
    {
      title = "Upgrades and packages";
      about = "How unattended upgrades work: [Updates](operate/upkeep.md#update-each-night).";
      options = [
        "autoUpgrade"
        "selftest"
        "binaryCache"
        "package"
      ];
    }
  ];

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
    either = first: second: "${first}, or ${second}";
    listOf = type: "list of (${type})";
    # of a submodule: its options are listed below it
    attrsOf =
      type:
      if type ? below then
        type // { __toString = type: "attribute set of (${type.name})"; }
      else
        "attribute set of (${type})";
    submoduleWith =
      { modules, description, ... }:
      {
        name = description;
        below = builtins.foldl' (sum: module: sum // module.options) { } modules;
      };
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
        ++ flat "${path}.<name>" (node.type.below or { })
    ) (attrNames tree);

  # whether an option is the named one, or below it
  isBelow =
    name: set:
    let
      prefix = "services.chatmail.${set}";
    in
    name == prefix || substring 0 (stringLength prefix + 1) name == "${prefix}.";

  # references of NixOS' manual become plain code
  plain = replaceStrings [ "{option}`" "{file}`" "{command}`" ] [ "`" "`" "`" ];
  withoutLastBreak =
    text:
    let
      length = stringLength text;
    in
    if length > 0 && substring (length - 1) 1 text == "\n" then substring 0 (length - 1) text else text;
  entry =
    { name, declaration }:
    let
      default = declaration.defaultText or declaration.default or null;
      hasDefault = declaration ? default || declaration ? defaultText;
    in
    concatStringsSep "\n" (
      [
        "### `${name}`"
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

  all = flat "services.chatmail" (import ../../modules/chatmail/options.nix { inherit lib; });
  ofGroup = group: filter (option: any (isBelow option.name) group.options) all;
  ungrouped = filter (option: !elem option (concatMap ofGroup groups)) all;
  section =
    group:
    concatStringsSep "\n" (
      [
        "## ${group.title}"
        ""
        group.about
        ""
      ]
      ++ map entry (ofGroup group)
    );
in
if ungrouped != [ ] then
  throw "docs/site/options.nix: add ${
    concatStringsSep ", " (map (option: option.name) ungrouped)
  } to one of the groups"
else
  ''
    # Options

    Every option below `services.chatmail`, by task.
    This page is made by [options.nix](site/options.nix) from the declarations in
    [modules/chatmail/options.nix](../modules/chatmail/options.nix); a check fails when it is out of date.
    You can also override every value of Postfix, Dovecot, nginx and systemd that the module sets,
    under its own NixOS option.

  ''
  + concatStringsSep "\n" (map section groups)
