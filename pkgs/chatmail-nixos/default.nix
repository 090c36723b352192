# { lib, python3Packages } -> the program `chatmail-nixos`: guarded upgrades and the set-up of a prepared image.
{ lib, python3Packages }:
python3Packages.buildPythonApplication {
  pname = "chatmail-nixos";
  version = "0.1.0";
  pyproject = true;
  src = lib.cleanSource ./.;
  build-system = [ python3Packages.setuptools ];
  dependencies = [ python3Packages.click ];
  nativeCheckInputs = [ python3Packages.pytestCheckHook ];
  pythonImportsCheck = [ "chatmail_nixos" ];
  meta = {
    description = "Guarded upgrades and the set-up of a prepared image for chatmail relays on NixOS";
    license = lib.licenses.mit;
    mainProgram = "chatmail-nixos";
  };
}
