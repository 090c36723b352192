# chatmail-lab: relays in containers on a Debian or NixOS machine, for development. The relays are made from this
# checkout, which CHATMAIL_CHECKOUT names.
{
  iproute2,
  lib,
  mmdebstrap,
  openssl,
  python3Packages,
  systemd,
  util-linux,
}:
python3Packages.buildPythonApplication {
  pname = "chatmail-lab";
  version = "0.1.0";
  pyproject = true;

  src = lib.fileset.toSource {
    root = ./.;
    fileset = lib.fileset.unions [
      ./pyproject.toml
      ./src
      ./tests
    ];
  };

  build-system = [ python3Packages.setuptools ];
  dependencies = [ python3Packages.click ];
  # behind the machine's own: its systemd-nspawn knows its kernel best
  makeWrapperArgs = [
    "--suffix PATH : ${
      lib.makeBinPath [
        iproute2
        mmdebstrap
        openssl
        systemd
        util-linux
      ]
    }"
  ];

  nativeCheckInputs = [ python3Packages.pytestCheckHook ];
  pythonImportsCheck = [ "chatmail_lab" ];

  meta = {
    description = "Chatmail relays in containers on one machine, offline";
    license = lib.licenses.mit;
    mainProgram = "chatmail-lab";
    platforms = lib.platforms.linux;
  };
}
