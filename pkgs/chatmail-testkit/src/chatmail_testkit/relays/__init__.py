"""Relays and mail servers under test: how to reach them, and how to change their state."""
