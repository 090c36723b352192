"""To other relays: Postfix delivers over SMTP to us, and we post over HTTPS."""
