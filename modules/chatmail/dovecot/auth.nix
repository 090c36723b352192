# { lib, settings, ... } -> services.dovecot2: who may log in, for IMAP and for Postfix.
context@{ lib, settings, ... }:
let
  inherit (import ./shared.nix context)
    accounts
    clients
    defaults
    patience
    postfixSocket
    queue
    ;
  inherit (lib) mkOverride optionalAttrs;
  inherit (settings)
    cluster
    directories
    sockets
    users
    ;
  isFront = cluster.role == "front";

  ask =
    path:
    {
      grant_url = "${accounts}/${path}";
      client_id = "dovecot";
      client_secret = "local";
      introspection_mode = "post";
      introspection_url = "${accounts}/${path}";
      username_attribute = "user";
      active_attribute = "active";
      active_value = "true";
      # the client's IP address, in a header: guesses are counted for each network
      send_auth_headers = true;
    }
    // patience
    // {
      # Longer than Postfix' own 10 s, after which it answers 454. It answers 535 to every failure of Dovecot, even a
      # temporary one, and clients then ask for another password.
      http_client_request_absolute_timeout = "12s";
      # a login that has to wait keeps its connection, see accounts/limits/patience.py
      http_client_max_parallel_connections =
        # all people of a store may have to wait, at both submission services; a fifth is for others
        if isFront then settings.limits.smtpConnections * 5 / 2 else 250;
    };
in
{
  services.dovecot2.settings = defaults (
  {
    # --- who may log in: chatmaild decides, and creates addresses at their first login
    # brackets: addresses of an IP-only relay (RFC 5321 section 4.1.3)
    auth_username_chars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@[]";
    "passdb oauth2" = {
      # the next one is for refused logins, not for temporary failures
      result_internalfail = "return-fail";
      oauth2 = ask "login";
    }
    // optionalAttrs isFront { result_success = "continue-ok"; };
    # After a failed login: the reason, if a new address was refused for now. It begins with [UNAVAILABLE], which IMAP
    # sends as it is. This passdb never accepts a login.
    "passdb refusal" = {
      driver = "oauth2";
      result_success = "return-fail";
      oauth2 = ask "refusal";
    };
  }
  // optionalAttrs isFront {
    # The session goes on at the store that the answer named. Dovecot 2.4.1 takes no such field from oauth2 itself.
    "passdb proxy" = {
      driver = "static";
      skip = "unauthenticated";
      fields = {
        nopassword = true;
        proxy = true;
        host = "%{passdb:token}";
      };
    };
  }
  // {
    # not within a passdb, where Dovecot 2.4 does not find it
    oauth2_fields.reason = "%{oauth2:reason}";
    "userdb static" = {
      userdb_static_allow_all_users = true;
      fields = {
        uid = users.mail;
        gid = users.mail;
        home = "${directories.mail}/%{user}";
        # METADATA `/shared/comment`: after a login `reason` is the operator's notice; deliveries have none
        mail_server_comment = "%{passdb:reason | default('')}";
      };
    };
    "service auth" = {
      client_limit = clients;
      # stronger than NixOS, which sets root, for PAM
      user = mkOverride 90 users.dovecot;
      # sessions, deliveries and quota-status have this user
      "unix_listener auth-userdb" = {
        user = users.mail;
        mode = "0600";
      };
    }
    // optionalAttrs (cluster.role != "store") {
      "unix_listener ${queue}${sockets.auth}" = postfixSocket "0660";
    };
  }
  );
}
