"""What a chatmail relay needs on NixOS only."""
