"""Reading OpenPGP as it streams (RFC 9580): armour, packets, session keys."""
