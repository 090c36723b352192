# { lib } -> merging of definitions by NixOS' rules: mkIf and mkMerge are resolved, the highest priority wins
# (mkForce over plain over mkDefault), what is left at one place is merged by what it is.
#   options  declarations -> definitions -> values: every option of a tree of mkOption, checked by its type
#   config   definitions -> values: sets and lists are merged, equal values are one, others conflict
{ lib }:
let
  inherit (builtins)
    all
    attrNames
    concatLists
    concatMap
    concatStringsSep
    elem
    filter
    foldl'
    head
    isAttrs
    isList
    isPath
    isString
    listToAttrs
    mapAttrs
    sort
    toJSON
    ;
  inherit (lib) genAttrs unique;
  dotted = concatStringsSep ".";

  tag = value: if isAttrs value then value._type or null else null;

  # one definition -> [ { priority; order; value; } ]
  expand =
    value:
    if tag value == "if" then
      if value.condition then expand value.content else [ ]
    else if tag value == "merge" then
      concatMap expand value.contents
    else if tag value == "override" then
      map (definition: definition // { inherit (value) priority; }) (expand value.content)
    else if tag value == "order" then
      map (definition: definition // { order = value.priority; }) (expand value.content)
    else
      [
        {
          priority = 100;
          order = 1000;
          inherit value;
        }
      ];

  # definitions of one place -> the values of the highest priority, in order
  winners =
    definitions:
    let
      expanded = concatMap expand definitions;
      best = foldl' (least: d: if d.priority < least then d.priority else least) 10000 expanded;
    in
    map (d: d.value) (sort (a: b: a.order < b.order) (filter (d: d.priority == best) expanded));

  # definitions of a set of options -> sets; a priority given to the set is one of each of its values
  sets =
    definitions:
    map (
      definition:
      if definition.priority == 100 then
        definition.value
      else
        mapAttrs (_: lib.mkOverride definition.priority) definition.value
    ) (concatMap expand definitions);

  # definitions of a set -> its names, and the definitions of each
  namesOf = given: unique (concatMap attrNames given);
  at = name: given: concatMap (one: if one ? ${name} then [ one.${name} ] else [ ]) given;

  # options whose definitions NixOS joins as lines
  lines = [
    "appendConfig"
    "appendHttpConfig"
    "commonHttpConfig"
    "extraConfig"
    "postStart"
    "postStop"
    "preStart"
    "preStop"
    "script"
    "streamConfig"
    "text"
  ];
  # Nix would copy a path to the store, and the lab has none
  plain = value: if isPath value then toString value else value;

  place =
    path: definitions:
    let
      values = map plain (winners definitions);
    in
    if values == [ ] then
      null
    else if all isAttrs values then
      set path values
    else if all isList values then
      map (element: place (path ++ [ "*" ]) [ element ]) (concatLists values)
    else if all (value: value == head values) values then
      head values
    else if all isString values && elem (lib.last path) lines then
      concatStringsSep "\n" values
    else
      throw "The option `${dotted path}' has conflicting definition values: ${toJSON values}; use lib.mkForce for the one that you want.";

  set =
    path: given:
    listToAttrs (
      concatMap (
        name:
        let
          definitions = at name given;
        in
        # a name without an active definition is omitted
        if concatMap expand definitions == [ ] then
          [ ]
        else
          [
            {
              inherit name;
              value = place (path ++ [ name ]) definitions;
            }
          ]
      ) (namesOf given)
    );

  option =
    path: declaration: definitions:
    let
      name = dotted path;
      values = winners definitions;
      wrong = filter (value: !declaration.type.check value) values;
    in
    if values == [ ] then
      declaration.default or (throw "The option `${name}' is used but not defined.")
    else if wrong != [ ] then
      throw "A definition for option `${name}' is not of type `${declaration.type.description}': ${toJSON (plain (head wrong))}"
    else
      declaration.type.merge name values;

  tree =
    path: declarations: definitions:
    let
      given = sets definitions;
      unknown = filter (name: !declarations ? ${name}) (namesOf given);
    in
    if unknown != [ ] then
      throw "The option `${dotted (path ++ [ (head unknown) ])}' does not exist."
    else
      genAttrs (attrNames declarations) (
        name:
        (if tag declarations.${name} == "option" then option else tree) (
          path ++ [ name ]
        ) declarations.${name} (at name given)
      );
in
{
  options = tree;
  config = definitions: set [ ] (winners definitions);
}
