# settings -> how many connections a worker of nginx has room for, and the size of a zone that counts them by network.
{ limits, ... }:
let
  # One worker may have to serve all clients alone: a session on ports 443, 465 or 587, and a request, have a connection
  # to the client and one to the daemon. smtpConnections is for each of two listeners of Postfix.
  connections =
    2 * (limits.imapConnections + 2 * limits.smtpConnections + limits.webConnections) + 512;
in
{
  inherit connections;
  # A connected network takes 64 bytes: a zone has room for the clients of four workers, of which three may be left over
  # from reloads. Of larger zones nginx fills more when it starts (0.6 %).
  zone = "${toString (connections / 8192 + 1)}m";
}
