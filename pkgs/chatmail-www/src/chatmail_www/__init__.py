"""The web pages of a chatmail relay, made at build time from its settings."""
