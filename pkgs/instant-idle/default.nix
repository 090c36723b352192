# The library that takes the wait out of Dovecot's mailbox watcher; see ./instant-idle.c.
{ lib, stdenv }:
stdenv.mkDerivation {
  pname = "instant-idle";
  version = "0.1.0";
  src = ./instant-idle.c;
  dontUnpack = true;

  buildPhase = ''
    runHook preBuild
    $CC -std=c11 -O2 -Wall -Wextra -Werror -shared -fPIC -o instant-idle.so $src
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    install -D -m 555 instant-idle.so $out/lib/instant-idle.so
    runHook postInstall
  '';

  meta = {
    description = "Immediate IMAP IDLE notifications for an unmodified Dovecot";
    license = lib.licenses.mit;
    platforms = lib.platforms.linux;
  };
}
