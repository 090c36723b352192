# Two fronts and two stores are one relay. A store that is switched off is missed by its people alone, and their mail
# arrives when it is back; a front that is switched off is missed by nobody.
{ pkgs, lib, ... }:
let
  world = import ../support/world.nix { inherit pkgs lib; };
  domain = "a.test";

  # of this test alone, and not secret
  keys = {
    front1 = {
      private = "eLIIrNClZbYxm7gLXGAhAQt3sDw9bemUM+QNCq6VBHM=";
      public = "x9KPJj/VbSetHI11n5b+b+gRYZ8kWhRT7PpOQbgyICA=";
    };
    front2 = {
      private = "+Gyb0MPkXo4fLsQAbGP0NDVUYLt0Pl8hE/30H+T+22E=";
      public = "OztY6KiRXsLsl8VcPcQUN7w7B4UB4BqoqBdtFXCs130=";
    };
    store1 = {
      private = "eGhP5r0Z3c8AMjLJr5KqS//zYDVDGx6aVW872S9baXo=";
      public = "oiV9RSU9QnSULdA6Dbsj1n9SEi2tZ+vciQBKGoGACUw=";
    };
    store2 = {
      private = "OEBdgO3AFMAVSoh6Vg+XknfVPPBF49bsTAwKoC3Sj2U=";
      public = "4RUHa0y9ds/iBgup82WfwLSNsrd6cZxNPRc1JuvIGzw=";
    };
  };

  machine =
    name:
    { nodes, ... }:
    let
      member = name: {
        host = nodes.${name}.networking.primaryIPAddress;
        publicKey = keys.${name}.public;
      };
      members = names: lib.genAttrs names member;
    in
    {
      imports = [ (world.relay domain) ];
      services.chatmail.cluster = {
        machine = name;
        fronts = members [
          "front1"
          "front2"
        ];
        stores = members [
          "store1"
          "store2"
        ];
        privateKeyFile = "/etc/secrets/wireguard.key";
        secretFile = "/etc/secrets/cluster.secret";
      };
      environment.etc."secrets/wireguard.key" = {
        text = keys.${name}.private;
        mode = "0400";
      };
      environment.etc."secrets/cluster.secret" = {
        text = "the same on all machines of this test";
        mode = "0400";
      };
    };
in
{
  name = "chatmail-one-domain-on-four-machines";
  nodes = {
    inherit (world) client dns;
  }
  // lib.mapAttrs (name: _: machine name) keys;
  testScript = world.script + ''

    def home_of(person):
        """The store that has an address."""
        homes = [s for s in (store1, store2) if s.execute(f"test -e /var/lib/chatmail/mail/{person}")[0] == 0]
        assert len(homes) == 1, (person, homes)
        return homes[0]


    start_all()
    fronts, stores = (front1, front2), (store1, store2)
    for machine in (*fronts, *stores):
        machine.wait_for_unit("multi-user.target")
        machine.wait_for_unit("wg-quick-chatmail.service")
    second = address_records("${domain}", ipv4=ipv4(front2)) + front2.succeed("chatmail dns").splitlines()
    publish(dns, {"${domain}": front1}, second)
    client.wait_for_unit("multi-user.target")

    with subtest("addresses are on both stores, and mail goes from one to the other"):
        people = [f"person{n}@${domain}" for n in range(20)]
        for person in people:
            client.succeed(f"courier login {person}")
        by_store = {store: [p for p in people if home_of(p) is store] for store in stores}
        here, there = by_store[store1][0], by_store[store2][0]
        client.succeed(f"courier send {here} {there} across")
        client.succeed(f"courier fetch {there} across")

    with subtest("operators see all machines"):
        assert len(front1.succeed("chatmail address list --plain").split()) == len(people)
        front2.succeed(f"chatmail address show {there}")
        for front in fronts:
            front.wait_until_succeeds("chatmail selftest", timeout=60)

    with subtest("a store is away: its people wait, the others do not"):
        store2.crash()
        client.succeed(f"courier send {here} {here} at-home")
        client.succeed(f"courier fetch {here} at-home")
        client.succeed(f"courier send {here} {there} later")
        client.fail(f"courier --within 5 fetch {there} later")
        store2.start()
        client.wait_until_succeeds(f"courier fetch {there} later", timeout=120)

    with subtest("a front is away: the other one goes on"):
        front1.crash()
        host = ipv4(front2)
        client.succeed(f"courier --host {host} --any-certificate send {there} {here} by-the-other")
        client.succeed(f"courier --host {host} --any-certificate fetch {here} by-the-other")
  '';
}
