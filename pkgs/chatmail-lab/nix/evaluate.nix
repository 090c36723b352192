# { request } (JSON text) -> { relays; classics; }: the hosts of a lab by name, as data.
#   relays.NAME      { cfg; settings; pages; zone; failures; warnings; config; }
#   classics.NAME    { config; }
# request: { modules; config; nameServers; programs; relays; classics; }
#   relays       values of services.chatmail by name
#   classics     arguments of ./classic.nix by name, which is the domain
#   modules      directory of description.nix and options.nix
#   config       null, or a file with the operator's own NixOS-shaped configuration
#   nameServers  IP addresses to which the relays' resolvers forward
{ request }:
let
  inherit (builtins)
    attrNames
    attrValues
    concatMap
    filter
    fromJSON
    functionArgs
    intersectAttrs
    isFunction
    mapAttrs
    removeAttrs
    ;
  requested = fromJSON request;
  lib = import ./lib.nix;
  merge = import ./merge.nix { inherit lib; };
  modules = /. + requested.modules;

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
  operator = if requested.config == null then [ ] else load (/. + requested.config);

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
  # the operator may override each value
  defaults =
    declarations:
    mapAttrs (
      name: value:
      if (declarations.${name} or { })._type or null == "option" then
        lib.mkDefault value
      else
        defaults (declarations.${name} or { }) value
    );

  # `chatmail selftest' connects to the hosts of the lab, not to those of the Internet
  selftest = {
    mailDomains = attrNames requested.classics;
    relays = filter isName (
      lib.unique (map (values: values.domain or null) (attrValues requested.relays))
    );
  };
  isName = domain: domain != null && builtins.match "[a-z0-9_.-]*[a-z0-9]" domain != null;

  relay =
    _: values:
    let
      cfg = merge.options [ "services" "chatmail" ] declarations (
        [ (defaults declarations ({ inherit selftest; } // values)) ] ++ chatmail
      );
      described = import (modules + "/description.nix") {
        inherit lib cfg;
        programs = requested.programs // {
          www = if cfg.web.enable then requested.programs.www else null;
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
                inherit (requested) nameServers;
              })
            ]
          );
    };

  # adds what the daemons' own NixOS modules add
  complete =
    defined:
    let
      merged = merge.config defined;
    in
    merge.config (
      defined
      ++ [
        (import ./daemons.nix {
          inherit lib;
          inherit (merged) services;
          networking = merged.networking or { };
        })
      ]
    );

  classic = domain: given: {
    config = complete [
      (import ./classic.nix (
        {
          inherit lib domain;
          inherit (requested) nameServers;
        }
        // given
      ))
    ];
  };
in
{
  relays = mapAttrs relay requested.relays;
  classics = mapAttrs classic requested.classics;
}
