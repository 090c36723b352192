# What a limit counts: the IPv4 address, or the /64 of an IPv6 address, in memory alone. Loopback is not limited: a
# proxy on this machine speaks for all its clients.
''
  map $binary_remote_addr $chatmail_network {
    "~(?s)^\x7f...$" "";
    "~^\x00{15}\x01$" "";
    "~(?s)^(?<chatmail_prefix>.{8}).{8}$" $chatmail_prefix;
    default $binary_remote_addr;
  }
''
