# Libraries that stand before functions of unmodified programs: lib/instant-idle.so takes the wait out of Dovecot's IDLE,
# lib/small-sessions.so makes its waiting sessions small, lib/quiet-syslog.so keeps Postfix from telling of every message.
# Each C file beside this one says how.
{ lib, stdenv }:
stdenv.mkDerivation {
  pname = "chatmail-preload";
  version = lib.fileContents ../../VERSION;
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
    description = "Libraries before functions of unmodified Dovecot and Postfix";
    license = lib.licenses.mit;
    platforms = lib.platforms.linux;
  };
}
