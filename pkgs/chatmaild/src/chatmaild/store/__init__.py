"""Data on disk: mailboxes, passwords, device tokens, invites, pending notifications."""
