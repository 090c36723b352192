# iroh-relay 0.35, the relay of realtime channels: Delta Chat's core is built with iroh 0.35, and iroh-relay 1.0, which
# nixpkgs has, speaks another protocol. The hash of `src` is that of the unpacked crate with the SHA-256
# c63f122cdfaa4b4e0e7d6d3921d2b878f42a0c6d3ee5a29456dc3f5ab5ec931f, which deltachat-rpc-server 2.65.0 was built with,
# too; `cargoHash` is that of the 453 crates that its Cargo.lock names with their hashes.
{
  lib,
  fetchCrate,
  rustPlatform,
}:
rustPlatform.buildRustPackage (finalAttrs: {
  pname = "iroh-relay";
  version = "0.35.0";

  src = fetchCrate {
    inherit (finalAttrs) pname version;
    hash = "sha256-RHIs7JfJgxo6QisAhkF/u5wkZ9Y4p3cc+72QvwnvVs0=";
  };
  cargoHash = "sha256-3E2l9IteNrUxtnDyvtG5ihK/sFKgeCelp1zxsWr5EN8=";

  buildFeatures = [ "server" ];
  cargoBuildFlags = [
    "--bin"
    "iroh-relay"
  ];
  # they need the network
  doCheck = false;

  meta = {
    description = "Relay of realtime channels, as Delta Chat speaks to it";
    homepage = "https://iroh.computer";
    license = [
      lib.licenses.mit
      lib.licenses.asl20
    ];
    mainProgram = "iroh-relay";
    platforms = lib.platforms.linux;
  };
})
