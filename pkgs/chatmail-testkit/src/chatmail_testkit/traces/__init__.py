"""What tests used, and a search of relays for it."""
