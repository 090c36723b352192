"""OpenPGP parsers for content that arrives in pieces (RFC 9580): armour, packets, session keys."""
