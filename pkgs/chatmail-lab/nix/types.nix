# The option types that modules/chatmail/options.nix uses: { description; check; merge } each.
# `check` takes a value; `merge` takes the values of the highest priority (one or more) and the option's name.
let
  inherit (builtins)
    all
    attrNames
    concatLists
    concatStringsSep
    elem
    foldl'
    head
    isAttrs
    isBool
    isFloat
    isInt
    isList
    isPath
    isString
    mapAttrs
    match
    toJSON
    zipAttrsWith
    ;
  one =
    name: values:
    if all (value: value == head values) values then
      head values
    else
      throw "The option `${name}' has conflicting definition values.";
  scalar = description: check: {
    inherit description check;
    merge = one;
  };
  isText = value: isString value || isPath value;
  # [ sets ] -> a set of lists
  zipAttrs = zipAttrsWith (_: values: values);
  isNumber = value: isInt value || isFloat value;
in
{
  bool = scalar "boolean" isBool;
  str = scalar "string" isString;
  lines = scalar "strings concatenated with \"\\n\"" isString // {
    merge = _: concatStringsSep "\n";
  };
  path = scalar "absolute path" (value: isText value && match "/.*" (toString value) != null);
  # in the lab a package is the directory that holds its bin
  package = scalar "package" isText;
  int = scalar "signed integer" isInt;
  port = scalar "16 bit unsigned integer; between 0 and 65535 (both inclusive)" (
    value: isInt value && value >= 0 && value <= 65535
  );
  ints = {
    positive = scalar "positive integer, meaning >0" (value: isInt value && value > 0);
    unsigned = scalar "unsigned integer, meaning >=0" (value: isInt value && value >= 0);
    between =
      lowest: highest:
      scalar "integer between ${toString lowest} and ${toString highest} (both inclusive)" (
        value: isInt value && value >= lowest && value <= highest
      );
  };
  numbers.positive = scalar "positive integer or floating point number, meaning >0" (
    value: isNumber value && value > 0
  );
  enum = choices: scalar "one of ${toJSON choices}" (value: elem value choices);
  strMatching =
    pattern:
    scalar "string matching the pattern ${pattern}" (
      value: isString value && match pattern value != null
    );
  nullOr = type: {
    description = "null or ${type.description}";
    check = value: value == null || type.check value;
    merge = name: values: if elem null values then one name values else type.merge name values;
  };
  either = first: second: {
    description = "${first.description} or ${second.description}";
    check = value: first.check value || second.check value;
    merge =
      name: values: if all first.check values then first.merge name values else second.merge name values;
  };
  listOf = type: {
    description = "list of ${type.description}";
    check = value: isList value && all type.check value;
    merge = _: concatLists;
  };
  attrsOf = type: {
    description = "attribute set of ${type.description}";
    check = value: isAttrs value && all type.check (builtins.attrValues value);
    merge =
      name: values:
      mapAttrs (key: type.merge "${name}.${key}") (zipAttrs values);
  };
  # a set of options; priorities within it are not looked at
  submoduleWith =
    { modules, description, ... }:
    let
      options = foldl' (sum: module: sum // module.options) { } modules;
      isDeclared = key: options ? ${key};
    in
    {
      inherit description;
      check = value: isAttrs value && all isDeclared (attrNames value);
      merge =
        name: values:
        let
          given = zipAttrs values;
        in
        mapAttrs (
          key: option:
          if !(given ? ${key}) then
            option.default or (throw "The option `${name}.${key}' has no value defined.")
          else if all option.type.check given.${key} then
            option.type.merge "${name}.${key}" given.${key}
          else
            throw "A definition for option `${name}.${key}' is not of type `${option.type.description}'."
        ) options;
    };
}
