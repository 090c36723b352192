# { lib, python3Packages } -> { directory; checkInputs ? null; libraries ? { }; ... } -> a Python program of this
# repository. Its name, version, description and dependencies are those of its pyproject.toml; `libraries` has the
# dependencies that are of this repository. Other arguments go to nixpkgs' builder. The build imports all modules. Unit
# tests are `passthru.tests.units`, another build of the same package; `checkInputs` are the packages that they need.
{ lib, python3Packages }:
{
  directory,
  checkInputs ? null,
  libraries ? { },
  passthru ? { },
  ...
}@given:
let
  inherit (builtins.fromTOML (builtins.readFile (directory + "/pyproject.toml"))) project;
  # "click>=8.1" -> the package click
  package =
    requirement:
    (python3Packages // libraries).${lib.head (builtins.match "([a-z0-9-]+).*" requirement)};

  # every module: a package that is missing is noticed, whoever needs it
  modules = map (
    file:
    lib.replaceStrings [ "/" ] [ "." ] (
      lib.removeSuffix ".py" (
        lib.removeSuffix "/__init__.py" (lib.removePrefix "${toString directory}/src/" (toString file))
      )
    )
  ) (lib.filter (lib.hasSuffix ".py") (lib.filesystem.listFilesRecursive (directory + "/src")));

  build =
    { tested }:
    python3Packages.buildPythonApplication (
      {
        pname = project.name + lib.optionalString tested "-tests";
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
        pythonImportsCheck = lib.filter (name: !lib.hasSuffix ".__main__" name) modules;
        passthru =
          passthru
          // lib.optionalAttrs (checkInputs != null && !tested) {
            tests.units = build { tested = true; };
          };

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
        "libraries"
        "passthru"
      ]
    );
in
build { tested = false; }
