"""From other relays: HTTPS in, SMTP to Postfix out."""
