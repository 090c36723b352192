# { lib } -> serviceConfig for the daemons of others: the sandbox of our own helpers, without what some daemon needs.
# The operator may set each. A daemon that needs more says so beside its own settings, with the reason.
{ lib }:
let
  # daemons start as root or listen below 1024, have users and groups of their own, and choose their system calls
  common = builtins.removeAttrs (import ./hardening.nix) [
    "AmbientCapabilities"
    "CapabilityBoundingSet"
    "PrivateUsers"
    "RemoveIPC"
    "SystemCallFilter"
    "UMask"
  ];
in
# 900: over the defaults of NixOS, below whatever the operator says
lib.mapAttrs (_: lib.mkOverride 900) (
  common
  // {
    RestrictAddressFamilies = [
      "AF_UNIX"
      "AF_INET"
      "AF_INET6"
    ];
  }
)
