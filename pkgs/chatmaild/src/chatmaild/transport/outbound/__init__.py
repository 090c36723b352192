"""To other relays: SMTP from Postfix in, HTTPS out."""
