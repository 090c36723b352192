"""Take messages of other relays over HTTPS and hand them to Postfix over SMTP."""
