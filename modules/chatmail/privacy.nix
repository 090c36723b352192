# { lib } -> serviceConfig for daemons that log addresses: the journal keeps their warnings and errors, and of these
# the ones without a mail address or an IP address. `chatmail log-mail` shows an operator more, for a while.
{ lib }:
{
  # Postfix and Dovecot tell every connection and delivery at this machine's `info' level
  LogLevelMax = lib.mkDefault "warning";
  LogFilterPatterns = lib.mkDefault [
    "~@"
    "~[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+"
    # IPv6 in its short and its long form (RFC 5952); a time of day is neither
    "~::"
    "~([0-9a-fA-F]+:){4}"
  ];
}
