# { pkgs } -> the Python that runs scripts and tests, with what tests/requirements.txt names, as far as nixpkgs has it.
{ pkgs }:
pkgs.python3.withPackages (
  packages:
  [
    # what our programs import
    packages.aiosmtplib
    packages.click
    packages.cryptography
    packages.dnspython
    packages.idna
    packages.jinja2
    packages.prometheus-client
    packages.segno
    # what tests and scripts use
    packages.deltachat-rpc-client
    packages.dkimpy
    packages.hypothesis
    packages.imapclient
    packages.pynacl
    packages.pytest
    packages.pytest-timeout
    packages.pytest-xdist
    # what checks the code
    packages.mypy
    packages.ruff
  ]
  # what the tests of the web pages use; a package set that was cut down has them not
  ++ pkgs.lib.concatMap (name: pkgs.lib.optional (packages ? ${name}) packages.${name}) [
    "html5lib"
    "pillow"
    "selenium"
    "types-html5lib"
    "zxing-cpp"
  ]
)
