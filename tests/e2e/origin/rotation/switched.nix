# A rotation of the DKIM key, second step: the next key signs, the old one stays published for queued mail.
{
  imports = [ ../../lab.nix ];
  services.chatmail.dkim = {
    selector = "next";
    publishedSelectors = [ "chatmail" ];
  };
}
