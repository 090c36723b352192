# { request } (JSON text) -> { relays; classics; }: the hosts of a lab by domain, as data.
#   relays.DOMAIN    { cfg; settings; pages; zone; failures; warnings; config; }
#   classics.DOMAIN  { config; }
# request: { modules; config; nameServers; programs; relays; classics; }
#   relays       values of services.chatmail by domain
#   classics     arguments of ./classic.nix by domain
#   modules      directory of description.nix and options.nix
#   config       null, or a file with the operator's own NixOS-shaped configuration
#   nameServers  addresses that the relays' resolvers ask
{ request }:
let
  inherit (builtins)
    concatMap
    filter
    fromJSON
    functionArgs
    intersectAttrs
    isFunction
    mapAttrs
    removeAttrs
    ;
  asked = fromJSON request;
  lib = import ./lib.nix;
  merge = import ./merge.nix { inherit lib; };
  modules = /. + asked.modules;

  absent = name: throw "The lab has no `${name}': give it plain data, or a function of { lib, ... }.";
  arguments = {
    inherit lib;
    config = absent "config";
    options = absent "options";
    pkgs = absent "pkgs";
    modulesPath = absent "modulesPath";
  };

  # a module (file, function or data) and what it imports -> [ definitions ]
  load =
    module:
    let
      loaded = if builtins.isPath module || builtins.isString module then import module else module;
      data =
        if isFunction loaded then
          loaded (intersectAttrs (functionArgs loaded // { lib = null; }) arguments)
        else
          loaded;
      own =
        data.config or (removeAttrs data [
          "imports"
          "_file"
        ]);
    in
    [ own ] ++ concatMap load (data.imports or [ ]);
  operator = if asked.config == null then [ ] else load (/. + asked.config);

  chatmail = concatMap (
    definitions: if definitions ? services.chatmail then [ definitions.services.chatmail ] else [ ]
  ) operator;
  others = map (
    definitions:
    if definitions ? services.chatmail then
      definitions // { services = removeAttrs definitions.services [ "chatmail" ]; }
    else
      definitions
  ) operator;

  declarations = import (modules + "/options.nix") { inherit lib; };
  # the operator may say otherwise, value by value
  defaults =
    declarations:
    mapAttrs (
      name: value:
      if (declarations.${name} or { })._type or null == "option" then
        lib.mkDefault value
      else
        defaults (declarations.${name} or { }) value
    );

  relay =
    _: values:
    let
      cfg = merge.options [ "services" "chatmail" ] declarations (
        [ (defaults declarations values) ] ++ chatmail
      );
      described = import (modules + "/description.nix") {
        inherit lib cfg;
        programs = asked.programs // {
          www = if cfg.web.enable then asked.programs.www else null;
        };
      };
      defined = described.config ++ others;
      failures = map (assertion: assertion.message) (
        filter (assertion: !assertion.assertion) described.assertions
      );
    in
    {
      inherit cfg failures;
      inherit (described) settings warnings zone;
      pages = if described.settings.web.enable then described.pages else null;
      config =
        if failures != [ ] then
          null
        else
          complete (
            defined
            ++ [
              (import ./isolation.nix {
                inherit lib;
                inherit (asked) nameServers;
              })
            ]
          );
    };

  # what the daemons' own NixOS modules would add
  complete =
    defined:
    merge.config (
      defined
      ++ [
        (import ./daemons.nix {
          inherit lib;
          inherit (merge.config defined) services;
        })
      ]
    );

  classic = domain: given: {
    config = complete [
      (import ./classic.nix (
        {
          inherit lib domain;
          inherit (asked) nameServers;
        }
        // given
      ))
    ];
  };
in
{
  relays = mapAttrs relay asked.relays;
  classics = mapAttrs classic asked.classics;
}
