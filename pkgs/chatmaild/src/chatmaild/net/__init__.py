"""IP addresses, and the users behind loopback connections; independent of the services."""
