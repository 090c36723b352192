# { lib, python3Packages } -> { directory; checkInputs ? null; ... } -> a Python program of this repository. Its name,
# version, description and dependencies are those of its pyproject.toml; what else is given goes to nixpkgs' builder.
# With `checkInputs`, the further packages of its unit tests, these run when it is built.
{ lib, python3Packages }:
{
  directory,
  checkInputs ? null,
  ...
}@given:
let
  inherit (builtins.fromTOML (builtins.readFile (directory + "/pyproject.toml"))) project;
  tested = checkInputs != null;
  # "click>=8.1" -> the package click
  package = requirement: python3Packages.${lib.head (builtins.match "([a-z0-9-]+).*" requirement)};
in
python3Packages.buildPythonApplication (
  {
    pname = project.name;
    inherit (project) version;
    pyproject = true;

    src = lib.fileset.toSource {
      root = directory;
      fileset = lib.fileset.unions (
        [
          (directory + "/pyproject.toml")
          (directory + "/src")
        ]
        ++ lib.optional tested (directory + "/tests")
      );
    };

    build-system = [ python3Packages.setuptools ];
    dependencies = map package project.dependencies;
    nativeCheckInputs = lib.optionals tested ([ python3Packages.pytestCheckHook ] ++ checkInputs);
    pythonImportsCheck = [ (lib.replaceStrings [ "-" ] [ "_" ] project.name) ];

    meta = {
      inherit (project) description;
      license = lib.licenses.mit;
      mainProgram = project.name;
      platforms = lib.platforms.linux;
    };
  }
  // removeAttrs given [
    "checkInputs"
    "directory"
  ]
)
