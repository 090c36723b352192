# From docs/scale.md.
{
  services.chatmail = {
    enable = true;
    domain = "chat.example.org";
    cluster = {
      machine = "front1"; # the only line that differs
      privateKeyFile = "/var/lib/secrets/wireguard.key";
      secretFile = "/var/lib/secrets/cluster.secret";
      fronts = {
        front1 = { host = "192.0.2.1"; publicKey = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="; };
        front2 = { host = "192.0.2.2"; publicKey = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw="; };
      };
      stores = {
        store1 = { host = "192.0.2.3"; publicKey = "gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA="; };
        store2 = { host = "192.0.2.4"; publicKey = "kQMlyFQ2wcsoG8X3Jd5U5yoXz2KqSxhhKbYb0yQkiDI="; weight = 2; };
      };
    };
  };
  security.acme.acceptTerms = true; # https://letsencrypt.org/repository/
}
