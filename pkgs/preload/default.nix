# Changes to stock Dovecot and Postfix; each C file beside this one says what and why.
#   lib/dovecot/modules/lib20_{instant_idle,mailbox_format,each_reply}_plugin.so   plugins of Dovecot
#   lib/{absent-mail,background-close,ended-peers,no-statistics,prompt-stop,quiet-first,shared-settings,
#       small-sessions}.so
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
    for source in *.c; do
      $CC -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC \
        -I${lib.getDev dovecot}/include/dovecot -o "''${source%.c}.so" "$source"
    done
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    for plugin in instant-idle mailbox-format each-reply; do
      install -D -m 555 "$plugin.so" "$out/lib/dovecot/modules/lib20_''${plugin//-/_}_plugin.so"
      rm "$plugin.so"
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
