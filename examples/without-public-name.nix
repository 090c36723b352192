# A relay without a public name and without a trusted certificate, as for a try-out or a network of one's own: a domain
# that begins with `_` gets a self-signed certificate, and its invite links tell clients to accept it.
{
  imports = [ ../modules/chatmail.nix ];

  services.chatmail = {
    enable = true;
    domain = "_chat.example.org";
    # no phone here asks to be woken
    push.enable = false;
  };
}
