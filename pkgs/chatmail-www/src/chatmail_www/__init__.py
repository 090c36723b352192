"""The web pages of a chatmail relay, built from its settings."""
