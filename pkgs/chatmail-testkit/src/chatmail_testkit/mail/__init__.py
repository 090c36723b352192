"""SMTP and IMAP clients, and the messages that they send."""
