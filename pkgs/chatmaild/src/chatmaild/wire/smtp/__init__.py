"""What SMTP and LMTP share: replies, and dots in DATA."""
