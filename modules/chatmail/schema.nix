# { lib } -> { schema; python; }: what /etc/chatmail/settings.json may hold, as JSON schema and as Python's dataclasses.
# Both are made from the types in ./options.nix and ./settings.nix, and committed in pkgs/chatmaild:
# `UPDATE_GOLDEN=1 pytest tests/nix` renews them. Needs no nixpkgs.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    elem
    filter
    head
    isAttrs
    isList
    mapAttrs
    ;
  inherit (lib)
    concatMapStringsSep
    mapAttrsToList
    optionalAttrs
    optionalString
    ;

  # --- types are schemas
  integer = minimum: {
    type = "integer";
    inherit minimum;
  };
  types = {
    bool.type = "boolean";
    str.type = "string";
    package.type = "string";
    path = {
      type = "string";
      description = "an absolute path";
      pattern = "^/[^\\u0000]*$";
    };
    ints = {
      positive = integer 1;
      unsigned = integer 0;
      between = minimum: maximum: integer minimum // { inherit maximum; };
    };
    numbers.positive = {
      type = "number";
      exclusiveMinimum = 0;
    };
    strMatching = pattern: {
      type = "string";
      pattern = "^(${pattern})$";
    };
    enum = values: {
      type = "string";
      enum = values;
    };
    nullOr =
      type:
      type
      // {
        type = [
          type.type
          "null"
        ];
      }
      // optionalAttrs (type ? enum) { enum = type.enum ++ [ null ]; };
    # the types of JSON differ, so that a reader knows at once which of the two it is
    either = first: second: {
      anyOf = [
        first
        second
      ];
    };
    listOf = items: {
      type = "array";
      inherit items;
    };
    attrsOf = additionalProperties: {
      type = "object";
      inherit additionalProperties;
    };
    submoduleWith =
      { modules, description, ... }:
      object (capital description) [ ] (
        builtins.foldl' (sum: module: sum // module.options) { } modules
      );
  };

  # --- a tree of facts is an object
  fact = type: _: {
    _type = "fact";
    inherit type;
  };
  object = title: absent: tree: {
    inherit title;
    type = "object";
    properties = mapAttrs (
      name: node: if node._type or "" == "fact" then node.type else object (capital name) [ ] node
    ) tree;
    required = filter (name: !elem name absent) (attrNames tree);
    additionalProperties = false;
  };
  withTypes = lib // {
    inherit types;
    mkOption = option: fact option.type null;
  };
  cfg = import ./options.nix { lib = withTypes; };
  document = import ./web/pages.nix {
    inherit cfg;
    settings = import ./settings.nix {
      lib = withTypes;
      inherit cfg fact;
    };
  };
  record =
    object "DnsRecord"
      [
        "dkimSelector"
        "value"
      ]
      {
        name = fact types.str null;
        type = fact types.str null;
        required = fact types.bool null;
        value = fact (types.nullOr types.str) null;
        dkimSelector = cfg.dkim.selector;
      };

  # --- schemas are Python
  upper = lib.splitString " " "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z";
  lower = map lib.toLower upper;
  capital =
    name:
    let
      first = builtins.substring 0 1 name;
    in
    builtins.replaceStrings lower upper first + lib.removePrefix first name;
  snake = builtins.replaceStrings upper (map (letter: "_${letter}") lower);

  plain = type: if isList type then head type else type;
  kind =
    schema:
    if schema ? anyOf then
      concatMapStringsSep " | " kind schema.anyOf
    else if schema ? enum then
      "Literal[${concatMapStringsSep ", " builtins.toJSON (filter (value: value != null) schema.enum)}]"
    else if schema ? properties then
      schema.title
    else
      {
        array = "tuple[${kind schema.items}, ...]";
        boolean = "bool";
        integer = "int";
        number = "float";
        object = "Mapping[str, ${kind schema.additionalProperties}]";
        string = "str";
      }
      .${plain schema.type};
  range =
    schema:
    if schema ? anyOf then
      concatMapStringsSep "" range schema.anyOf
    else if schema ? maximum then
      "  # ${toString schema.minimum} to ${toString schema.maximum}"
    else
      optionalString (schema ? minimum) "  # ${toString schema.minimum} or more"
      + optionalString (schema ? exclusiveMinimum) "  # above ${toString schema.exclusiveMinimum}";
  field =
    required: name: schema:
    let
      isOptional = !elem name required;
      type = schema.type or "";
      isTuple = plain type == "array";
    in
    "    ${snake name}: ${kind schema}"
    + optionalString (isList type || isOptional && !isTuple) " | None"
    + optionalString isOptional (if isTuple then " = ()" else " = None")
    + range schema;
  # children first
  classes =
    schema:
    if schema ? items then
      classes schema.items
    else if isAttrs (schema.additionalProperties or false) then
      classes schema.additionalProperties
    else if schema ? properties then
      lib.concatLists (mapAttrsToList (_: classes) schema.properties)
      ++ [
        ''
          @dataclass(frozen=True, slots=True, kw_only=True)
          class ${schema.title}:
          ${concatStringsSep "\n" (mapAttrsToList (field schema.required) schema.properties)}
        ''
      ]
    else
      [ ];
  schema =
    object "Settings"
      [
        "dns"
        "pages"
      ]
      (
        document
        // {
          dns = fact (types.listOf record) null;
        }
      );
in
{
  schema = {
    "$schema" = "https://json-schema.org/draft/2020-12/schema";
  }
  // schema;

  python = concatStringsSep "\n\n" (
    [
      ''
        """The sections of settings.json, made by modules/chatmail/schema.nix: change the options there."""

        from collections.abc import Mapping
        from dataclasses import dataclass
        from typing import Literal
      ''
    ]
    ++ classes schema
  );
}
