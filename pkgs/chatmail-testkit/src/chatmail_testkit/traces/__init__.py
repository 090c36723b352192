"""The personal data that tests used, and the search of relays for it."""
