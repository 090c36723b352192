# { pkgs } -> the documents as a site, made by mdbook (book.toml), in $out.
{ pkgs }:
pkgs.runCommand "chatmail-docs"
  {
    nativeBuildInputs = [
      pkgs.mdbook
      pkgs.python3
    ];
  }
  ''
    cd ${../../.}
    mdbook build --dest-dir $out
    # mdbook 0.4 goes on when a preprocessor fails
    if grep 'href="\.\./' $out/*.html || grep 'href="\.\./\.\./' $out/*/*.html; then exit 1; fi
  ''
