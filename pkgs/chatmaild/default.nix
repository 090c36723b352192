# chatmaild: the Python services of a relay, and the operator's command `chatmail`.
{ lib, python3Packages }:
python3Packages.buildPythonApplication {
  pname = "chatmaild";
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
  dependencies = builtins.attrValues {
    inherit (python3Packages)
      click
      cryptography
      dnspython
      h11
      pymilter
      segno
      ;
  };

  nativeCheckInputs = [
    python3Packages.dkimpy
    python3Packages.hypothesis
    python3Packages.pytestCheckHook
  ];
  pythonImportsCheck = [ "chatmaild" ];

  meta = {
    description = "The services of a chatmail relay beside Postfix, Dovecot and nginx";
    license = lib.licenses.mit;
    mainProgram = "chatmaild";
    platforms = lib.platforms.linux;
  };
}
