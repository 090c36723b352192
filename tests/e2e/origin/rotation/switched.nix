# A rotation of the DKIM key, second step: the next key signs, the old one is published for what is on its way.
{
  imports = [ ../../lab.nix ];
  services.chatmail.dkim = {
    selector = "next";
    publishedSelectors = [ "chatmail" ];
  };
}
