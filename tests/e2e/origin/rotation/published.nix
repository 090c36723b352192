# A rotation of the DKIM key, first step: the next key is created and published, the old one still signs.
{
  imports = [ ../../lab.nix ];
  services.chatmail.dkim.publishedSelectors = [ "next" ];
}
