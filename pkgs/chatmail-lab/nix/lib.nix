# The helpers of nixpkgs' lib that modules/chatmail may use, without nixpkgs.
let
  inherit (builtins)
    attrNames
    concatLists
    concatMap
    concatStringsSep
    elem
    elemAt
    filter
    foldl'
    genList
    head
    isAttrs
    isList
    length
    listToAttrs
    mapAttrs
    match
    replaceStrings
    stringLength
    substring
    tail
    ;
  lib = {
    inherit
      concatLists
      concatMap
      concatStringsSep
      elem
      filter
      genList
      head
      length
      mapAttrs
      tail
      ;
    inherit (builtins)
      all
      any
      attrNames
      attrValues
      catAttrs
      isAttrs
      isBool
      isInt
      isList
      isString
      map
      removeAttrs
      toJSON
      ;
    types = import ./types.nix;

    # --- lists and strings
    optional = condition: value: if condition then [ value ] else [ ];
    optionals = condition: values: if condition then values else [ ];
    optionalString = condition: value: if condition then value else "";
    concatMapStringsSep =
      separator: f: list:
      concatStringsSep separator (map f list);
    flatten = value: if isList value then concatMap lib.flatten value else [ value ];
    last = list: elemAt list (length list - 1);
    imap0 = f: list: genList (n: f n (elemAt list n)) (length list);
    unique = foldl' (seen: value: if elem value seen then seen else seen ++ [ value ]) [ ];
    range = first: last: genList (n: first + n) (if last < first then 0 else last - first + 1);
    hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
    hasSuffix =
      suffix: text:
      let
        start = stringLength text - stringLength suffix;
      in
      start >= 0 && substring start (-1) text == suffix;
    hasInfix = infix: text: match ".*${lib.escapeRegex infix}.*" text != null;
    removePrefix =
      prefix: text: if lib.hasPrefix prefix text then substring (stringLength prefix) (-1) text else text;
    removeSuffix =
      suffix: text:
      if lib.hasSuffix suffix text then
        substring 0 (stringLength text - stringLength suffix) text
      else
        text;
    splitString =
      separator: text: filter builtins.isString (builtins.split (lib.escapeRegex separator) text);
    escapeRegex = replaceStrings specials (map (c: "\\" + c) specials);
    escapeShellArg =
      value:
      let
        text = toString value;
      in
      if match "[[:alnum:],._+:@%/-]+" text != null then
        text
      else
        "'${replaceStrings [ "'" ] [ "'\\''" ] text}'";
    escapeShellArgs = lib.concatMapStringsSep " " lib.escapeShellArg;
    toLower = replaceStrings (characters upper) (characters lower);
    boolToString = value: if value then "true" else "false";

    # --- attribute sets
    optionalAttrs = condition: set: if condition then set else { };
    nameValuePair = name: value: { inherit name value; };
    mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));
    mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
    filterAttrs = keep: set: removeAttrs set (filter (name: !keep name set.${name}) (attrNames set));
    genAttrs = names: f: listToAttrs (map (name: lib.nameValuePair name (f name)) names);
    recursiveUpdate =
      left: right:
      left
      // mapAttrs (
        name: value:
        if isAttrs value && isAttrs (left.${name} or null) then
          lib.recursiveUpdate left.${name} value
        else
          value
      ) right;

    # --- options and their definitions, as tagged data; ./merge.nix reads the tags
    mkOption = option: option // { _type = "option"; };
    mkEnableOption =
      what:
      lib.mkOption {
        type = lib.types.bool;
        default = false;
        description = "Whether to enable ${what}.";
      };
    mkIf = condition: content: {
      _type = "if";
      inherit condition content;
    };
    mkMerge = contents: {
      _type = "merge";
      inherit contents;
    };
    mkOverride = priority: content: {
      _type = "override";
      inherit priority content;
    };
    mkDefault = lib.mkOverride 1000;
    mkForce = lib.mkOverride 50;
    mkOptionDefault = lib.mkOverride 1500;
    mkOrder = priority: content: {
      _type = "order";
      inherit priority content;
    };
    mkBefore = lib.mkOrder 500;
    mkAfter = lib.mkOrder 1500;
  };
  specials = characters "\\[{()^$?*+|.";
  characters = text: genList (n: substring n 1 text) (stringLength text);
  upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  lower = "abcdefghijklmnopqrstuvwxyz";
in
lib
