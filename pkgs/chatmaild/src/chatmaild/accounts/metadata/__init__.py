"""IMAP METADATA (RFC 5464): Dovecot asks here for keys that it does not know itself."""
