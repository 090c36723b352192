"""IMAP METADATA (RFC 5464): Dovecot looks up here the keys that it does not know itself."""
