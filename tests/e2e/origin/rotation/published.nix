# A rotation of the DKIM key, first step: the next key is made and published, the old one signs.
{
  imports = [ ../../lab.nix ];
  services.chatmail.dkim.publishedSelectors = [ "next" ];
}
