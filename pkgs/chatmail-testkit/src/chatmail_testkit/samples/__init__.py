"""Messages and addresses in the many forms that relays must understand."""
