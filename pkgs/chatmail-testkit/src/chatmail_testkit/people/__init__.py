"""Accounts, the people who own them, and links to log in with."""
