# settings -> how many connections a worker of nginx has room for, and the size of a zone that counts them by network.
{ limits, ... }:
let
  # One worker may have to serve all clients alone. On ports 443, 465 and 587 a mail session has a connection to the
  # client and one to its daemon; a request, and SMTP from port 443, one more at each end of a socket.
  connections =
    2 * limits.imapConnections + 6 * limits.smtpConnections + 4 * limits.webConnections + 512;
in
{
  inherit connections;
  # A connected network takes 64 bytes: a zone has room for the clients of four workers, of which three may be left over
  # from reloads. Of larger zones nginx fills more when it starts (0.6 %).
  zone = "${toString (connections / 8192 + 1)}m";
}
