# { pkgs } -> Python for scripts and tests, with the packages of tests/requirements.txt that nixpkgs has.
{ pkgs }:
pkgs.python3.withPackages (
  packages:
  [
    # our programs import these
    packages.aiosmtplib
    packages.click
    packages.cryptography
    packages.dnspython
    packages.idna
    packages.jinja2
    packages.prometheus-client
    packages.segno
    # tests and scripts use these
    packages.deltachat-rpc-client
    packages.dkimpy
    packages.hypothesis
    packages.imapclient
    packages.pynacl
    packages.pytest
    packages.pytest-timeout
    packages.pytest-xdist
    # style and types
    packages.mypy
    packages.ruff
  ]
  # for tests/web; a reduced package set does not have them
  ++ pkgs.lib.concatMap (name: pkgs.lib.optional (packages ? ${name}) packages.${name}) [
    "html5lib"
    "pillow"
    "selenium"
    "types-html5lib"
    "zxing-cpp"
  ]
)
