"""The account at the certificate authority: NixOS' security.acme keeps it in the form of lego."""
