"""Clients of relays: people with an address and a key, and the real Delta Chat core."""
