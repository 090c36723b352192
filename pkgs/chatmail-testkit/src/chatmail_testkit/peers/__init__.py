"""Servers and clients that a test itself provides to the relays."""
