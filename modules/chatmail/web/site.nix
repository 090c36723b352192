# { lib, settings, programs, ... } -> services.nginx: the pages of the site, in the language that the browser asks for.
# `programs.www` is the folder that pkgs/chatmail-www builds, one folder for each language; null where there are no pages.
{
  lib,
  settings,
  programs,
  ...
}:
let
  inherit (lib) concatStringsSep hasSuffix;
  inherit (settings) domain tls;
  inherit (programs) www;

  texts = builtins.attrNames (builtins.readDir ../../../pkgs/chatmail-www/src/chatmail_www/texts);
  languages = map (lib.removeSuffix ".toml") (builtins.filter (hasSuffix ".toml") texts);

  # the script of the home page asks /new where the certificate is self-signed; no page of other relays has a script
  policy = concatStringsSep "; " (
    [
      "default-src 'none'"
      "style-src 'self'"
      "img-src 'self'"
    ]
    ++ lib.optionals (!tls.trusted) [
      "script-src 'self'"
      "connect-src 'self'"
    ]
    ++ [
      "form-action 'self'"
      "base-uri 'none'"
      "frame-ancestors 'none'"
    ]
  );
  served = cacheControl: ''
    ${import ./headers.nix { inherit lib settings; }}
    add_header Content-Security-Policy "${policy}" always;
    add_header Cache-Control "${cacheControl}" always;
    charset utf-8;
    gzip on;
    gzip_vary on;
    gzip_types text/css text/javascript application/javascript image/svg+xml;
  '';
in
if www == null then
  { services.nginx.virtualHosts.${domain}.locations."/".return = "404"; }
else
  {
    services.nginx = {
      # the first language of the browser's list that the pages have (RFC 9110 section 12.5.4); browsers send it sorted
      appendHttpConfig = ''
        map $http_accept_language $chatmail_language {
          default en;
          "~(?:^|,)\s*(?<chatmail_asked>${concatStringsSep "|" languages})\b" $chatmail_asked;
        }
      '';

      virtualHosts.${domain}.locations = {
        # /de/info.html is itself; /info.html is that of the browser's language
        "/" = {
          root = www;
          tryFiles = "$uri $uri/index.html /$chatmail_language$uri /$chatmail_language$uri/index.html =404";
          extraConfig = ''
            error_page 404 /$chatmail_language/404.html;
            add_header Vary Accept-Language always;
            ${served "no-cache"}
          '';
        };
        # names that carry a hash of their content
        "/assets/" = {
          root = www;
          extraConfig = served "public, max-age=31536000, immutable";
        };
      }
      // lib.optionalAttrs tls.trusted {
        # where older relays have it
        "= /qr-chatmail-invite-${domain}.png".return = "301 /qr-chatmail-invite-${domain}.svg";
      };
    };
  }
