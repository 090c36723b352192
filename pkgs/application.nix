# { lib, python3Packages } -> { directory; checkInputs ? null; ours ? [ ]; ... } -> a Python program of this repository.
# Its name, description and dependencies are those of its pyproject.toml, besides the programs of this repository in
# `ours`; its version is that of the file VERSION, to which a package has a link. Other arguments go to nixpkgs'
# builder. The build imports all modules. With `checkInputs`, the further packages of its unit tests, these are
# `passthru.tests.units`: the same package, whose build runs them.
{ lib, python3Packages }:
{
  directory,
  checkInputs ? null,
  ours ? [ ],
  passthru ? { },
  ...
}@given:
let
  inherit (builtins.fromTOML (builtins.readFile (directory + "/pyproject.toml"))) project;
  # "click>=8.1" -> the package click
  package = requirement: python3Packages.${lib.head (builtins.match "([a-z0-9-]+).*" requirement)};

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
        version = lib.fileContents ../VERSION;
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

        # the link leads out of the source
        postPatch = ''
          cp --remove-destination ${../VERSION} src/${lib.replaceStrings [ "-" ] [ "_" ] project.name}/VERSION
        ''
        + given.postPatch or "";

        build-system = [ python3Packages.setuptools ];
        dependencies = map package project.dependencies ++ map python3Packages.toPythonModule ours;
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
        "ours"
        "passthru"
        "postPatch"
      ]
    );
in
build { tested = false; }
