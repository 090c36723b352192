# One relay on four machines: what all of them share. Each adds its name (./front1.nix), and what is its own.
{
  services.chatmail = {
    enable = true;
    domain = "chat.example.org";

    cluster = {
      # clients and other servers come here: DNS has an A and an AAAA record of chat.example.org for each
      fronts = {
        front1 = {
          host = "192.0.2.1";
          publicKey = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
        };
        front2 = {
          host = "192.0.2.2";
          publicKey = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=";
        };
      };
      # addresses and mail are here; the fronts reach them at these IP addresses
      stores = {
        store1 = {
          host = "192.0.2.3";
          publicKey = "gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA=";
        };
        # with twice the disk
        store2 = {
          host = "192.0.2.4";
          publicKey = "kQMlyFQ2wcsoG8X3Jd5U5yoXz2KqSxhhKbYb0yQkiDI=";
          weight = 2;
        };
      };
      # made by step 1 of docs/scale.md; a different file on each machine
      privateKeyFile = "/var/lib/secrets/wireguard.key";
      # the same file on all machines
      secretFile = "/var/lib/secrets/cluster.secret";
    };
  };

  # Let's Encrypt: to be read and agreed to by whoever runs the relay
  security.acme = {
    acceptTerms = true;
    defaults.email = "admin@example.org";
  };
}
