"""Mailboxes: their format, its conversion, and what happens to them under load."""
