# { lib } -> serviceConfig for the daemons of others: what none of them needs on a relay. The operator may set each.
# A daemon that needs more says so beside its own settings, with the reason.
{ lib }:
# 900: over the defaults of NixOS, below whatever the operator says
lib.mapAttrs (_: lib.mkOverride 900) {
  LockPersonality = true;
  MemoryDenyWriteExecute = true;
  # no set-uid program is started
  NoNewPrivileges = true;
  PrivateDevices = true;
  PrivateTmp = true;
  ProcSubset = "pid";
  ProtectClock = true;
  ProtectControlGroups = true;
  ProtectHome = true;
  ProtectHostname = true;
  ProtectKernelLogs = true;
  ProtectKernelModules = true;
  ProtectKernelTunables = true;
  ProtectProc = "invisible";
  ProtectSystem = "strict";
  RestrictAddressFamilies = [
    "AF_UNIX"
    "AF_INET"
    "AF_INET6"
  ];
  RestrictNamespaces = true;
  RestrictRealtime = true;
  RestrictSUIDSGID = true;
  SystemCallArchitectures = "native";
  # a refused call is an error in the log, not a dead service
  SystemCallErrorNumber = "EPERM";
}
