# Changes to stock Dovecot and Postfix; each C file beside this one says what and why.
#   lib/dovecot/modules/lib20_{each_reply,instant_idle,mailbox_format,rare_recount,tell_delivery}_plugin.so
#       plugins of Dovecot, from ./plugins
#   lib/{absent-mail,background-close,ended-peers,no-statistics,prompt-stop,quiet-first,resumed-input,
#       shared-settings,small-sessions}.so
#       LD_PRELOAD interposers for Dovecot
#   lib/quiet-syslog.so   preloaded into Postfix
# Compiled against the headers of Dovecot and OpenSSL: where a signature changes, the build fails.
{
  lib,
  stdenv,
  dovecot,
  openssl,
}:
stdenv.mkDerivation {
  pname = "chatmail-preload";
  version = lib.fileContents ../../VERSION;
  src = ./.;
  buildInputs = [
    dovecot
    openssl
  ];

  buildPhase = ''
    runHook preBuild
    for source in *.c plugins/*.c; do
      $CC -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC \
        -I${lib.getDev dovecot}/include/dovecot -o "''${source%.c}.so" "$source"
    done
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    for plugin in plugins/*.so; do
      name=$(basename "$plugin" .so)
      install -D -m 555 "$plugin" "$out/lib/dovecot/modules/lib20_''${name//-/_}_plugin.so"
    done
    install -D -m 555 -t $out/lib *.so
    runHook postInstall
  '';

  meta = {
    description = "Instant IDLE, two mailbox formats, small sessions, prompt replies for Dovecot, a quiet log for Postfix";
    license = lib.licenses.mit;
    platforms = lib.platforms.linux;
  };
}
