# { lib } -> regular expressions of IP addresses in large blocks that hold no special network (RFC 6890).
{ lib }:
{
  # the first byte is none of 0, 10, 100, 127, 169, 172, 192, 198, 203, and below 224
  ipv4 =
    let
      firstByte = lib.concatStringsSep "|" [
        "[1-9]|1[1-9]|[2-9][0-9]"
        "10[1-9]|11[0-9]|12[0-689]"
        "1[345][0-9]|16[0-8]|17[013-9]|18[0-9]|19[013-79]"
        "20[0-24-9]|21[0-9]|22[0-3]"
      ];
    in
    "(${firstByte})([.][0-9]{1,3}){3}";
  # 2400::/6 and 2800::/5
  ipv6 = "2[4-9a-f][0-9a-f]{2}:[0-9a-f:]+";
}
