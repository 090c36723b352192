# { cfg, settings } -> what pkgs/chatmail-www builds the web pages from: the settings, and what the operator changes
# about the pages. It is apart from settings.json so that another text does not restart the services.
{ cfg, settings }:
settings
// {
  pages = {
    inherit (cfg.web)
      showInvite
      textsDir
      pagesDir
      theme
      ;
  };
}
