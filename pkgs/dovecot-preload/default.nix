# Two libraries that stand before an unmodified Dovecot's own functions: lib/instant-idle.so takes the wait out of
# IDLE, lib/small-sessions.so makes waiting sessions small. Each C file beside this one says how.
{ lib, stdenv }:
stdenv.mkDerivation {
  pname = "dovecot-preload";
  version = "0.1.0";
  src = ./.;

  buildPhase = ''
    runHook preBuild
    for source in *.c; do
      $CC -std=c11 -O2 -Wall -Wextra -Werror -shared -fPIC -o "''${source%.c}.so" "$source"
    done
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    install -D -m 555 -t $out/lib *.so
    runHook postInstall
  '';

  meta = {
    description = "Immediate IDLE and small sessions for an unmodified Dovecot";
    license = lib.licenses.mit;
    platforms = lib.platforms.linux;
  };
}
